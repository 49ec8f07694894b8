import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, roc_curve
from statsmodels.stats.proportion import proportion_confint

from stroke_ctp.statistics.operating_points import (
    Confusion,
    confusion,
    proportion,
    rates,
    sensitive_threshold,
    youden_threshold,
)


@pytest.fixture
def patients() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    labels = generator.permutation(np.arange(60) % 2)
    return labels, np.round((labels + generator.normal(size=60)).clip(-2, 3) / 5 + 0.4, 2)


def test_youdens_threshold_reaches_the_highest_index_of_the_roc_curve(patients: tuple):
    labels, scores = patients
    false_positive, true_positive, _ = roc_curve(labels, scores)
    called = scores > youden_threshold(labels, scores).value
    index = called[labels == 1].mean() - called[labels == 0].mean()
    assert index == pytest.approx((true_positive - false_positive).max())


def test_the_threshold_lies_midway_between_two_patients():
    assert youden_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])).value == pytest.approx(0.4)


def test_a_given_sensitivity_is_reached_with_the_best_specificity(patients: tuple):
    labels, scores = patients
    threshold = sensitive_threshold(labels, scores, 0.9).value
    assert (scores[labels == 1] > threshold).mean() >= 0.9
    above = scores[scores > threshold].min()
    assert (scores[labels == 1] > above).mean() < 0.9


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_defines_no_threshold(label: int):
    threshold = youden_threshold(np.array([label] * 3), np.array([0.1, 0.2, 0.3]))
    assert threshold.value is None
    assert "core" in threshold.reason


def test_counts_and_f1_are_scikit_learns(patients: tuple):
    labels, scores = patients
    counts = confusion(labels, scores > 0.5)
    tn, fp, fn, tp = confusion_matrix(labels, scores > 0.5).ravel()
    assert counts == Confusion(int(tp), int(fp), int(tn), int(fn))
    assert rates(counts).f1.value == pytest.approx(f1_score(labels, scores > 0.5))


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (7, 23), (100, 217)])
def test_intervals_are_statsmodels_wilson(k: int, n: int):
    estimate = proportion(k, n, "")
    expected = proportion_confint(k, n, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-12)


def test_f1s_interval_covers_it_in_95_of_100_cohorts():
    generator = np.random.default_rng(0)
    p = np.array([0.35, 0.15, 0.4, 0.1])  # true positive, false positive, true negative, false negative
    truth = 2 * p[0] / (2 * p[0] + p[1] + p[3])
    estimates = [rates(Confusion(*map(int, counts))).f1 for counts in generator.multinomial(100, p, 1000)]
    assert 0.93 <= np.mean([e.low <= truth <= e.high for e in estimates]) <= 0.97


def test_a_rate_without_patients_has_a_reason():
    found = rates(Confusion(0, 0, 4, 0))
    assert (found.sensitivity.value, found.sensitivity.reason) == (None, "no large core")
    assert (found.ppv.value, found.ppv.reason) == (None, "no core is called large")
    assert found.f1.value is None


def test_a_large_core_with_probability_0_is_called_where_every_large_core_must_be():
    labels, scores = np.array([1, 0, 1]), np.array([0.0, 0.4, 0.9])
    threshold = sensitive_threshold(labels, scores, 1.0).value
    assert (scores > threshold).all()
    assert threshold == pytest.approx(0, abs=1e-12)
    assert abs(threshold) >= np.finfo(float).tiny  # a subnormal number would be 0 where a library flushes them
