import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, roc_curve
from statsmodels.stats.proportion import proportion_confint

from stroke_ctp.statistics.operating_points import (
    USUAL_SENSITIVITY,
    Confusion,
    confusion,
    majority,
    proportion,
    rates,
    sensitive_threshold,
    threshold_at,
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


@pytest.mark.parametrize(("label", "reason"), [(0, "no large core"), (1, "no small core")])
@pytest.mark.parametrize("sensitivity", [None, 0.9])
def test_one_class_defines_no_threshold(label: int, reason: str, sensitivity: float | None):
    threshold = threshold_at(np.array([label] * 3), np.array([0.1, 0.2, 0.3]), sensitivity)
    assert (threshold.value, threshold.reason) == (None, f"the validation patients have {reason}")


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


def test_every_rate_is_the_share_of_its_patients_and_f1_follows_from_the_counts():
    counts = Confusion(true_positive=8, false_positive=3, true_negative=20, false_negative=5)
    found = rates(counts)
    assert counts.n == 36
    assert (found.sensitivity, found.specificity) == (proportion(8, 13, ""), proportion(20, 23, ""))
    assert (found.ppv, found.npv) == (proportion(8, 11, ""), proportion(20, 25, ""))
    assert found.f1.value == pytest.approx(16 / 24)
    low, high = proportion_confint(8, 16, method="wilson")  # true positives among those with either property
    assert (found.f1.low, found.f1.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_one_patient_has_rates_and_none_has_a_reason_for_each():
    assert rates(Confusion(1, 0, 0, 0)).sensitivity.value == rates(Confusion(0, 0, 1, 0)).npv.value == 1
    none = rates(Confusion(0, 0, 0, 0))
    assert {one.reason for one in vars(none).values()} == {"no patient is called"}


def test_the_interval_of_an_f1_of_0_starts_at_0_and_that_of_1_ends_at_1():
    assert rates(Confusion(0, 3, 3, 3)).f1.low == 0
    assert rates(Confusion(3, 0, 3, 0)).f1.high == 1


def test_a_call_of_a_majority_is_that_of_more_than_half_of_the_members():
    members = np.array([[0.9, 0.9, 0.9], [0.9, 0.9, 0.5], [0.9, 0.1, 0.5], [0.5, 0.1, 0.1]])
    assert majority(members, 0.5).tolist() == [True, False, False]


def test_a_threshold_without_a_sensitivity_is_youdens(patients: tuple):
    assert threshold_at(*patients, None) == youden_threshold(*patients)
    assert threshold_at(*patients, 0.9) == sensitive_threshold(*patients, 0.9) != youden_threshold(*patients)


def test_the_usual_sensitivity_is_90_percent():
    assert USUAL_SENSITIVITY == 0.9


def test_a_sensitivity_of_0_calls_nobody_with_the_largest_margin():
    labels, scores = np.array([0, 0, 1]), np.array([0.1, 0.2, 0.6])
    assert sensitive_threshold(labels, scores, 0.0).value == pytest.approx(0.8)


def test_of_equally_good_thresholds_the_lowest_is_youdens_whatever_rounding_makes_of_their_sums():
    labels, scores = np.array([0, 1, 0, 0, 0, 1, 0, 0]), np.arange(1, 9) / 10
    assert 1 + (1 - 5 / 6) < 1 / 2 + (1 - 2 / 6)  # of 0.15 and 0.55; equal without rounding
    assert youden_threshold(labels, scores).value == pytest.approx(0.15)
