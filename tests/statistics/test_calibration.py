import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from statsmodels.nonparametric.smoothers_lowess import lowess
from statsmodels.stats.proportion import proportion_confint

from stroke_ctp.statistics.calibration import brier, intercept, n_groups, reliability_curve, slope
from stroke_ctp.statistics.decision_curve import decision_curve
from stroke_ctp.statistics.resampling import drawn_patients
from stroke_ctp.statistics.smooth_calibration import integrated_calibration_index, smooth_calibration


@pytest.fixture(scope="module")
def calibrated() -> tuple[np.ndarray, np.ndarray]:
    """Many patients whose classes are drawn with the very probabilities that were predicted."""
    generator = np.random.default_rng(0)
    p = expit(generator.normal(0, 1.5, 20_000))
    return (generator.random(20_000) < p).astype(int), p


def test_brier_score_is_scikit_learns_and_the_sum_of_its_parts(calibrated: tuple):
    parts = brier(*calibrated)
    assert parts.score == pytest.approx(brier_score_loss(*calibrated))
    assert parts.score == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty + parts.within)


def test_predictions_that_are_equal_within_their_groups_leave_nothing_over():
    labels, p = np.array([0, 0, 0, 1, 0, 1, 1, 1] * 5), np.array([0.2] * 4 + [0.7] * 4).tolist() * 5
    parts = brier(labels, np.array(p))
    assert parts.within == pytest.approx(0, abs=1e-12)
    assert parts.reliability == pytest.approx(0.05**2)
    assert parts.resolution == pytest.approx(0.25**2)


def test_calibrated_predictions_have_slope_1_intercept_0_and_lie_on_the_diagonal(calibrated: tuple):
    assert slope(*calibrated).low < 1 < slope(*calibrated).high
    assert intercept(*calibrated).low < 0 < intercept(*calibrated).high
    curve = reliability_curve(*calibrated)
    assert max(abs(group.predicted - group.observed.value) for group in curve) < 0.03
    assert brier(*calibrated).reliability < 1e-3


def test_slope_is_scikit_learns_and_the_intercept_restores_the_mean(calibrated: tuple):
    labels, p = (values[:300] for values in calibrated)
    extreme = expit(2 * logit(p) + 0.5)
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(extreme)[:, None], labels).coef_[0, 0]
    assert slope(labels, extreme).value == pytest.approx(expected, rel=1e-4)
    shift = intercept(labels, extreme).value
    assert expit(logit(extreme) + shift).mean() == pytest.approx(labels.mean(), abs=1e-8)


def test_certain_predictions_do_not_break_the_slope():
    labels, p = np.array([0, 1, 0, 1, 1, 0] * 4), np.array([0, 1, 1, 0, 0.7, 0.2] * 4)
    assert slope(labels, p).value is not None


@pytest.mark.parametrize(
    ("labels", "p", "reason"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "separate the classes"),
        ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], "separate the classes"),
        ([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.5, 0.5, 0.8, 0.9], "separate the classes"),
        ([1, 1, 1, 0, 0, 0], [0.1, 0.2, 0.5, 0.5, 0.8, 0.9], "separate the classes"),
        ([0, 1, 0, 1], [0.5] * 4, "equal"),
        ([1, 1], [0.4, 0.6], "no small core"),
        ([1], [0.4], "no small core"),
    ],
)
def test_slope_that_is_undefined_has_a_reason(labels: list[int], p: list[float], reason: str):
    assert reason in slope(np.array(labels), np.array(p)).reason


def test_one_class_has_no_intercept():
    assert intercept(np.array([0, 0]), np.array([0.4, 0.6])).reason == "no large core"


@pytest.mark.filterwarnings("error")
def test_probabilities_far_from_the_classes_have_a_reason_without_a_word_of_the_library():
    assert intercept(np.array([1, 0, 1]), np.array([0.5, 0.0, 0.0])).reason == "the probabilities are too certain"


def test_an_interval_that_says_nothing_is_replaced_by_the_reason():
    assert intercept(np.array([0, 1]), np.array([0.0, 1.0])).reason == "the probabilities are too certain"
    assert intercept(np.array([0, 1] * 20), np.array([0.1, 0.9] * 20)).value == pytest.approx(0, abs=1e-9)


def test_net_benefit_follows_its_definition_and_calling_none_large_is_worth_nothing():
    labels, p = np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.3, 0.6, 0.1, 0.2])
    curve = decision_curve(labels, p)
    (at_half,) = np.flatnonzero(curve.threshold == 0.5)
    assert curve.model[at_half] == pytest.approx(1 / 5 - 1 / 5)
    assert curve.call_all[at_half] == pytest.approx(2 / 5 - 3 / 5)
    assert curve.call_none[at_half] == 0


def test_a_perfect_model_is_worth_the_share_of_large_cores_at_every_threshold():
    labels = np.array([1, 0, 0, 1])
    assert decision_curve(labels, labels.astype(float)).model == pytest.approx(0.5)


def test_the_scaled_brier_score_compares_with_always_predicting_the_share_of_large_cores():
    labels = np.array([0, 1] * 10)
    assert brier(labels, labels.astype(float)).scaled == 1
    assert brier(labels, np.full(20, 0.5)).scaled == 0
    assert brier(np.ones(3, int), np.full(3, 0.5)).scaled is None


def test_the_smooth_curve_of_calibrated_predictions_is_the_diagonal_and_lies_in_its_band(calibrated: tuple):
    curve = smooth_calibration(*(values[:2000] for values in calibrated))
    assert curve is not None
    assert np.abs(curve.observed - curve.predicted).max() < 0.03
    assert ((curve.low <= curve.observed) & (curve.observed <= curve.high)).mean() > 0.95
    assert (curve.high - curve.low).mean() < 0.06


def test_the_ici_is_the_distance_by_which_probabilities_are_shifted(calibrated: tuple):
    labels, p = (values[:4000] for values in calibrated)
    within = (p > 0.2) & (p < 0.8)
    shifted = integrated_calibration_index(labels[within], p[within] + 0.1)
    assert integrated_calibration_index(labels, p) < 0.03
    assert shifted == pytest.approx(0.1, abs=0.03)


def test_too_few_different_probabilities_give_no_smooth_curve():
    labels = np.array([0, 1] * 10)
    assert smooth_calibration(labels, labels / 2) is None
    assert integrated_calibration_index(labels, labels / 2) is None


@pytest.mark.parametrize(("patients", "groups"), [(5, 2), (29, 2), (30, 3), (99, 9), (100, 10), (1000, 10)])
def test_groups_are_ten_and_fewer_where_they_would_have_fewer_than_ten_patients(patients: int, groups: int):
    assert n_groups(patients) == groups


def test_the_reliability_curve_of_twenty_patients_by_hand():
    labels, p = np.repeat([0, 1, 0, 1], [8, 2, 3, 7]), np.repeat([0.2, 0.6], 10)
    for group, predicted, large in zip(reliability_curve(labels, p), (0.2, 0.6), (2, 7), strict=True):
        assert (group.n, group.predicted, group.observed.value) == (10, pytest.approx(predicted), large / 10)
        expected = proportion_confint(large, 10, method="wilson")
        assert (group.observed.low, group.observed.high) == pytest.approx(expected)


def test_a_quarter_of_the_error_is_a_scaled_brier_score_of_three_quarters():
    assert brier(np.array([0, 1] * 10), np.array([0.25, 0.75] * 10)).scaled == pytest.approx(0.75)


def test_the_intercept_of_a_share_has_walds_interval():
    found = intercept(np.repeat([0, 1], [7, 3]), np.full(10, 0.5))
    half = norm.isf(0.025) / np.sqrt(10 * 0.3 * 0.7)
    assert (found.low, found.high) == pytest.approx((logit(0.3) - half, logit(0.3) + half), rel=1e-5)


@pytest.mark.parametrize(("p", "reason"), [(0.02, ""), (0.006, "the probabilities are too certain")])
def test_an_interval_as_wide_as_the_logits_can_be_says_nothing(p: float, reason: str):
    width = 2 * norm.isf(0.025) / np.sqrt(2 * p * (1 - p))
    assert (width > logit(1 - 1e-6) - logit(1e-6)) == bool(reason)
    found = intercept(np.array([0, 1]), np.array([p, 1 - p]))
    assert found.reason == reason
    if not reason:
        assert found.high - found.low == pytest.approx(width, rel=1e-3)


def test_false_alarms_weigh_the_odds_of_the_threshold_and_a_probability_that_reaches_it_is_called():
    curve = decision_curve(np.array([1, 1, 0, 0, 0]), np.array([0.9, 0.3, 0.6, 0.1, 0.2]))
    assert (curve.threshold[0], curve.threshold[-1], curve.share_large) == (0.1, 0.9, 0.4)
    at = {threshold: float(curve.model[round(100 * threshold) - 10]) for threshold in (0.2, 0.8)}
    assert at == pytest.approx({0.2: 2 / 5 - 2 / 5 / 4, 0.8: 1 / 5})
    assert curve.call_all[[10, 70]] == pytest.approx([2 / 5 - 3 / 5 / 4, 2 / 5 - 4 * 3 / 5])


@pytest.mark.parametrize(("distinct", "smooth"), [(9, False), (10, True)])
def test_ten_different_probabilities_are_enough_for_a_smooth_curve(distinct: int, smooth: bool):
    labels, p = np.array([0, 1] * 20), np.arange(40) % distinct / distinct
    assert (smooth_calibration(labels, p) is not None) == smooth


def test_the_smooth_curve_spans_the_probabilities_and_stays_between_0_and_1():
    p = np.linspace(0.2, 0.8, 40)
    curve = smooth_calibration((p > 0.5).astype(int), p)
    np.testing.assert_allclose(curve.predicted, np.linspace(0.2, 0.8, 101))
    assert (curve.observed[0], curve.observed[-1]) == (0, 1)


def test_one_in_forty_bootstrap_curves_lies_below_the_band_and_one_above(calibrated: tuple):
    labels, p = (values[:150] for values in calibrated)
    curve = smooth_calibration(labels, p)
    middle = curve.predicted[[50]]
    drawn = drawn_patients(labels, 200)
    at = [lowess(labels[rows].astype(float), p[rows], frac=0.75, it=0, xvals=middle)[0] for rows in drawn]
    assert np.sum(np.array(at) < curve.low[50]) == np.sum(np.array(at) > curve.high[50]) == 5


@pytest.mark.filterwarnings("error")
def test_ici_is_undefined_without_a_word_where_most_patients_share_a_probability():
    p = np.concatenate([np.full(80, 0.4), np.linspace(0.1, 0.9, 12)])
    assert integrated_calibration_index(np.arange(len(p)) % 2, p) is None
