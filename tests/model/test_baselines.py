from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model import baselines as baseline
from stroke_ctp.model.baselines import baseline_values, fit_scale, probability_of


def _values(sign: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 40, 200)
    return values, (sign * (values - 20 + generator.normal(0, 8, 200)) > 0).astype(np.int64)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_scale_is_oriented_so_that_a_high_probability_is_a_large_core(sign: float):
    values, labels = _values(sign)
    scale = fit_scale(values, labels)
    assert np.sign(scale["slope"]) == sign
    probability = probability_of(values, **scale)
    assert probability[labels == 1].mean() > 0.7 > 0.3 > probability[labels == 0].mean()
    assert -scale["intercept"] / scale["slope"] == pytest.approx(20, abs=2)


def test_the_probability_is_that_of_logistic_regression_without_a_penalty():
    values, labels = _values()
    theirs = LogisticRegression(C=1e12).fit(values[:, None], labels)
    other = np.linspace(-10, 60, 50)
    expected = theirs.predict_proba(other[:, None])[:, 1]
    np.testing.assert_allclose(probability_of(other, **fit_scale(values, labels)), expected, atol=1e-4)


def test_the_scale_is_that_of_the_highest_likelihood():
    values, labels = _values()
    scale = fit_scale(values, labels)

    def likelihood(slope: float, intercept: float) -> float:
        probability = probability_of(values, slope, intercept, missing=0.0)
        return float(np.log(np.where(labels == 1, probability, 1 - probability)).sum())

    best = likelihood(scale["slope"], scale["intercept"])
    for slope, intercept in ((1.02, 1), (0.98, 1), (1, 1.02), (1, 0.98)):
        assert likelihood(slope * scale["slope"], intercept * scale["intercept"]) < best


def test_classes_that_do_not_overlap_give_probabilities_all_the_same():
    values = np.arange(20.0)
    probability = probability_of(values, **fit_scale(values, (values > 9).astype(np.int64)))
    assert np.isfinite(probability).all()
    assert (probability[:10] < 0.5).all()
    assert (probability[10:] > 0.5).all()


def test_a_patient_who_cannot_be_measured_is_scored_as_the_median_of_the_training_folds():
    values, labels = _values()
    scale = fit_scale(values, labels)
    missing = probability_of(np.array([np.nan]), **scale)
    assert missing == pytest.approx(probability_of(np.array([np.median(values)]), **scale))
    values[::7] = np.nan
    assert np.isfinite(probability_of(values, **fit_scale(values, labels))).all()


def test_training_folds_of_which_nobody_can_be_measured_are_refused():
    with pytest.raises(UserError, match="no patient of the training folds could be measured"):
        fit_scale(np.full(6, np.nan), np.arange(6) % 2)


@pytest.fixture
def cohort(write_cohort: Callable[..., Path]) -> Path:
    series = {name: np.full(SERIES_SHAPE, value) for name, value in (("a.npy", 3.0), ("b.npy", 5.0))}
    return write_cohort({"patient": ["q", "p"], "series": ["b.npy", "a.npy"], "scan_cbv_ml": ["7.5", ""]}, series)


def test_areas_are_computed_once_for_every_patient_in_the_cohorts_order(cohort: Path, monkeypatch):
    calls = []

    def mean(series: np.ndarray, definition: str) -> float:
        calls.append(definition)
        return float(series.mean())

    monkeypatch.setattr(baseline, "core_area", mean)
    monkeypatch.setattr(baseline, "parallel_map", lambda function, items, _: map(function, items))
    assert baseline_values("cbv", Cohort(cohort)).tolist() == [5.0, 3.0]
    assert baseline_values("cbv", Cohort(cohort)).tolist() == [5.0, 3.0]
    assert calls == ["cbv", "cbv"]


def test_volumes_of_whole_scans_are_a_column_of_the_cohort_in_which_an_empty_cell_is_no_number(cohort: Path):
    np.testing.assert_array_equal(baseline_values("cbv_scan", Cohort(cohort)), [7.5, np.nan])


def test_a_cohort_without_that_column_is_refused_with_the_command_that_adds_it(cohort: Path):
    with pytest.raises(UserError, match=r"rcbf_scan needs the column scan_rcbf_ml.*preprocess … volumes=true"):
        baseline_values("rcbf_scan", Cohort(cohort))
