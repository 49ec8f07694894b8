"""Components of variance, against statsmodels' analysis of variance and against what was simulated."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from stroke_ctp.benchmarks.seed_inference import several_seeds
from stroke_ctp.statistics.fold_means import mean_over_folds
from stroke_ctp.statistics.repeated_training import repeated_training


def _drawn(n_seeds: int, n_folds: int, sds: tuple[float, float, float]) -> np.ndarray:
    generator = np.random.default_rng(0)
    seeds, folds, rest = sds
    return (
        0.7
        + generator.normal(0, seeds, (n_seeds, 1))
        + generator.normal(0, folds, (1, n_folds))
        + generator.normal(0, rest, (n_seeds, n_folds))
    )


def test_components_are_those_of_statsmodels_mean_squares():
    aucs = _drawn(5, 10, (0.05, 0.1, 0.03))
    rows = [{"seed": s, "fold": f, "auc": aucs[s, f]} for s in range(5) for f in range(10)]
    squares = anova_lm(ols("auc ~ C(seed) + C(fold)", pd.DataFrame(rows)).fit())["mean_sq"]
    found = repeated_training(aucs, 1 / 8)
    assert found.sd_rest**2 == pytest.approx(squares["Residual"])
    assert found.sd_seeds**2 == pytest.approx((squares["C(seed)"] - squares["Residual"]) / 10)
    assert found.sd_folds**2 == pytest.approx((squares["C(fold)"] - squares["Residual"]) / 5)


def test_components_that_were_simulated_are_found_again():
    found = repeated_training(_drawn(300, 300, (0.02, 0.08, 0.04)), 1 / 8)
    assert (found.sd_seeds, found.sd_folds, found.sd_rest) == pytest.approx((0.02, 0.08, 0.04), rel=0.1)


def test_another_seed_changes_the_mean_by_what_simulated_seeds_differ_by():
    aucs = _drawn(4000, 10, (0.02, 0.08, 0.04))
    differences = np.diff(aucs.mean(axis=1)[:4000].reshape(-1, 2), axis=1)
    assert repeated_training(aucs, 1 / 8).sd_of_change == pytest.approx(differences.std(), rel=0.05)


def test_means_that_differ_by_less_than_chance_have_no_variance_of_their_own():
    found = repeated_training(np.array([[0.7, 0.8], [0.8, 0.7]]), 1 / 8)
    assert (found.sd_seeds, found.sd_folds) == (0, 0)
    assert found.sd_rest == pytest.approx(0.1)


def test_seeds_alike_leave_the_interval_of_one_training():
    aucs = np.tile(_drawn(1, 10, (0.0, 0.1, 0.0)), (3, 1))
    found = repeated_training(aucs, 1 / 8)
    assert (found.sd_seeds, found.sd_rest) == pytest.approx((0, 0), abs=1e-12)
    assert found.mean.standard_error == pytest.approx(mean_over_folds(aucs[0].tolist(), 1 / 8).standard_error)


def test_the_interval_of_folds_means_holds_after_several_seeds_and_seeds_are_no_more_folds():
    ours, every = several_seeds(217, 0.5, 300, np.random.default_rng(3))
    assert 0.93 <= ours.coverage <= 0.99
    assert ours.rejected <= 0.06
    assert every.coverage < ours.coverage
    assert every.rejected > ours.rejected
