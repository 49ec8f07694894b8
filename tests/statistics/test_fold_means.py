"""The corrected resampled t interval and test, against the published formula and its limits."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_1samp
from statsmodels.stats.power import TTestPower

from stroke_ctp.benchmarks import ensemble_thresholds, inference, seed_inference
from stroke_ctp.benchmarks.inference import by_delong, by_folds, cross_validated
from stroke_ctp.statistics.fold_means import mean_auc, mean_over_folds
from stroke_ctp.statistics.interval_estimates import TEstimate

ROOT = Path(__file__).parents[2]
VALUES = [0.62, 0.81, 0.77, 0.7, 0.9, 0.55, 0.74, 0.8, 0.69, 0.73]


def test_the_statistic_is_nadeau_and_bengios():
    statistic = np.mean(VALUES) / np.sqrt((1 / 10 + 1 / 8) * np.var(VALUES, ddof=1))
    found = mean_over_folds(VALUES, test_to_train=1 / 8)
    assert found.value / found.standard_error == pytest.approx(statistic)
    assert found.p().value == pytest.approx(2 * t.sf(statistic, 9))


def test_without_shared_training_patients_it_is_students_t_test():
    found, expected = mean_over_folds(VALUES, test_to_train=0.0), ttest_1samp(VALUES, 0.5)
    assert found.p(0.5).value == pytest.approx(expected.pvalue)
    interval = found.interval()
    assert (interval.low, interval.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_one_sided_p_values_of_both_sides_add_up():
    above = mean_over_folds(VALUES, 1 / 8).p_above(0.7).value
    below = mean_over_folds([-value for value in VALUES], 1 / 8).p_above(-0.7).value
    assert above + below == pytest.approx(1)


def test_the_detectable_difference_is_that_of_statsmodels_power():
    standard_error, n = 0.04, 10
    effect = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    expected = effect * standard_error * np.sqrt(n)
    assert TEstimate(0.0, standard_error, n - 1).detectable() == pytest.approx(expected, rel=0.02)


def test_values_that_define_no_error_have_a_reason():
    assert mean_over_folds([], 0.1).reason == "no fold has both classes"
    assert mean_over_folds([0.7], 0.1).interval().reason == "a single fold"
    assert mean_over_folds([0.1 + 0.2, 0.3], 0.1).p().reason == "all folds have the same value"


def test_an_auc_of_1_in_every_fold_has_the_exact_bound_of_the_pairs_of_independent_folds():
    estimate = mean_auc([1.0, 1.0, 1.0], [4, 3, 4], 1 / 8)  # three folds count as 3 / (1 + 3/8) = 2.2 of 3 pairs each
    assert (estimate.value, estimate.low, estimate.high) == (1, pytest.approx(0.025 ** (1 / 6)), 1)
    assert mean_auc([1.0], [4], 1 / 8).low == pytest.approx(0.025 ** (1 / 4))


def test_folds_that_share_training_patients_are_perfect_together_oftener_than_independent_ones():
    """Ten folds of a large and a small core each; scores lie along the difference of the training classes' means."""
    generator, perfect, aucs = np.random.default_rng(0), 0, []
    for _ in range(1500):
        x = generator.normal(size=(10, 2, 10))  # fold, class, feature
        x[:, 1, 0] += 1.15
        means = (x.sum(axis=0) - x) / 9  # of the other folds
        direction = means[:, 1] - means[:, 0]
        scores = np.einsum("kcf,kf->kc", x, direction)
        perfect += bool((scores[:, 1] > scores[:, 0]).all())
        aucs.append(norm.cdf(1.15 * direction[:, 0] / np.linalg.norm(direction, axis=1) / 2**0.5).mean())
    # the bound of ten independent pairs would be missed in more than 2.5 %
    assert np.mean(aucs) < 0.025 ** (1 / 10)
    assert perfect / 1500 > 0.035
    assert mean_auc([1.0] * 10, [1] * 10, 1 / 8).low < np.mean(aucs)


def test_the_interval_of_an_auc_stays_between_0_and_1():
    assert mean_auc([0.9, 1.0, 1.0], [4, 4, 4], 1.0).high == 1


def test_with_retrained_classifiers_the_primary_interval_covers_and_the_pooled_one_does_not():
    methods = {"primary": by_folds, "pooled": by_delong}
    primary, pooled = cross_validated(80, 0.5, 200, np.random.default_rng(1), methods)
    assert primary.coverage >= 0.93
    assert primary.rejected <= 0.06
    assert pooled.coverage < 0.93 < primary.coverage


def test_votes_of_members_keep_the_sensitivity_aimed_at_and_their_mean_does_not():
    found = ensemble_thresholds.achieved(40, 20, np.random.default_rng(0))
    single = found["single models, threshold of all validation patients"]
    votes = found["majority of the members at the threshold of all"]
    mean = found["mean of the members, threshold of all validation patients"]
    assert votes == pytest.approx(single, abs=0.05)
    assert mean[1] > single[1] + 0.1


def test_the_interval_of_a_low_auc_ends_at_0_and_no_fold_has_none():
    assert mean_auc([0.0, 0.1, 0.0], [4, 4, 4], 1.0).low == 0
    assert mean_auc([], [], 1 / 8).reason == "no fold has both classes"


@pytest.mark.parametrize(("program", "named"), [(inference, 3), (seed_inference, 2), (ensemble_thresholds, 2)])
def test_the_programs_of_the_page_print_its_rows(
    program: ModuleType, named: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the cells that say what was simulated: method and patients, or calls and features."""
    program.main(1)
    heading, _, *rows = [line.split(" | ")[:named] for line in capsys.readouterr().out.splitlines()]
    page = [line.split(" | ")[:named] for line in (ROOT / "docs/inference.md").read_text().splitlines()]
    assert heading in page
    assert [cells for cells in page if cells in rows] == rows
