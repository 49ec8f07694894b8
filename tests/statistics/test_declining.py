"""What decides whether a patient is answered: plausible classes, ranges, distances, risk and coverage."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from scipy.special import expit
from sklearn.covariance import LedoitWolf
from sklearn.model_selection import KFold

from stroke_ctp.statistics.conformal import plausible_classes
from stroke_ctp.statistics.risk_coverage import area_under_risk, risk_coverage
from stroke_ctp.statistics.typical_range import (
    Range,
    left_out_distances,
    mahalanobis_distance,
    mean_and_precision,
)


@pytest.mark.parametrize("extreme", [1.0, 5.0])
def test_the_true_class_is_refused_in_no_more_patients_of_either_class_than_chosen_however_bad_the_probabilities(
    extreme: float,
):
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1, 3000)
    labels, scores = (generator.random(3000) < expit(x)).astype(int), expit(extreme * x)
    known, new = slice(0, 1000), slice(1000, 3000)
    found = [plausible_classes(labels[known], scores[known], score, 0.1) for score in scores[new]]
    for label, kept in ((1, [one.large for one in found]), (0, [one.small for one in found])):
        refused = 1 - np.array(kept)[labels[new] == label].mean()
        assert refused == pytest.approx(0.1, abs=0.03)  # three standard errors, of both samples


def test_a_class_is_settled_if_it_alone_is_plausible():
    labels, scores = np.repeat([0, 1], 20), np.concatenate([np.linspace(0.0, 0.4, 20), np.linspace(0.6, 1.0, 20)])
    assert plausible_classes(labels, scores, 0.9, 0.1).settle(True)
    assert not plausible_classes(labels, scores, 0.9, 0.1).settle(False)
    assert not plausible_classes(labels, scores, 0.5, 0.1).settle(True)  # neither is plausible
    assert not plausible_classes(labels[19:21], scores[19:21], 0.9, 0.1).settle(True)  # two patients refuse nothing


def test_a_range_ends_at_values_of_patients_and_is_open_where_nothing_is_unusual():
    values = np.arange(100.0)
    assert Range.of(values, 0.05, low=True, high=True) == Range(4.0, 95.0)
    assert Range.of(values, 0.001, low=False, high=True) == Range(None, 99.0)
    assert [Range(4.0, 95.0).side(value) for value in (3.0, 4.0, 95.0, 96.0)] == ["below", "", "", "above"]


@pytest.mark.parametrize(("patients", "descriptors"), [(40, 60), (217, 6), (12, 3), (2, 5), (30, 1)])
@pytest.mark.parametrize("scales", [0.0, 2.0])
def test_the_distance_is_scipys_with_the_covariance_of_scikit_learn(patients: int, descriptors: int, scales: float):
    generator = np.random.default_rng(1)
    mixed = generator.normal(size=(descriptors, descriptors)) * np.exp(scales * generator.normal(size=descriptors))
    known, other = (5 + generator.normal(size=(n, descriptors)) @ mixed for n in (patients, 2))
    mean, precision = mean_and_precision(known)
    theirs = LedoitWolf().fit(known)
    np.testing.assert_allclose(mean, theirs.location_)
    np.testing.assert_allclose(precision, theirs.precision_, rtol=1e-6, atol=1e-9 * abs(precision).max())
    expected = [mahalanobis(one, theirs.location_, theirs.precision_) for one in other]
    np.testing.assert_allclose(mahalanobis_distance(mean, precision, other), expected)


def test_patients_who_are_alike_are_at_no_distance():
    alike = np.ones((12, 3))
    np.testing.assert_array_equal(mahalanobis_distance(*mean_and_precision(alike), alike[:1]), [0])


def test_patients_who_were_left_out_lie_as_far_away_as_new_ones():
    generator = np.random.default_rng(2)
    known, new = generator.normal(size=(60, 30)), generator.normal(size=(2000, 30))
    inside, outside = (mahalanobis_distance(*mean_and_precision(known), rows) for rows in (known, new))
    assert np.median(left_out_distances(known)) == pytest.approx(np.median(outside), rel=0.05)
    assert np.median(inside) < 0.97 * np.median(outside)  # so that limits from inside would decline too many


def test_risk_and_coverage_of_ten_patients_by_hand():
    wrong = np.array([False, True, False, False, True, False, False, False, False, True])
    confidence = np.array([9.0, 1.0, 8.0, 7.0, 2.0, 6.0, 5.0, 4.0, 3.0, 0.0])
    points = {point.coverage: point for point in risk_coverage(wrong, confidence)}
    assert (points[1.0].n, points[1.0].wrong.value) == (10, 0.3)
    assert (points[0.8].n, points[0.8].wrong.value) == (8, 1 / 8)
    assert (points[0.5].n, points[0.5].wrong.value) == (5, 0.0)
    assert area_under_risk(wrong, confidence) == pytest.approx((0 * 7 + 1 / 8 + 2 / 9 + 3 / 10) / 10)


def test_declining_at_random_buys_nothing():
    generator = np.random.default_rng(3)
    wrong = generator.random(5000) < 0.3
    assert area_under_risk(wrong, generator.random(5000)) == pytest.approx(0.3, abs=0.03)


def test_a_class_is_refused_if_no_more_than_the_chosen_share_is_as_extreme_as_the_patient():
    labels, scores = np.repeat([0, 1], [9, 19]), np.concatenate([np.arange(9) / 10, np.arange(1, 20) / 20])
    # large: 1 + those at or below it, of 20; small: 1 + those at or above it, of 10
    assert not plausible_classes(labels, scores, 0.05, 0.1).large
    assert plausible_classes(labels, scores, 0.1, 0.1).large
    assert plausible_classes(labels, scores, 0.8, 0.1).small
    assert not plausible_classes(labels, scores, 0.85, 0.1).small
    # 3 of 20 and 2 of 10
    assert [plausible_classes(labels, scores, 0.1, error).large for error in (0.149, 0.151)] == [True, False]
    assert [plausible_classes(labels, scores, 0.8, error).small for error in (0.199, 0.201)] == [True, False]


def test_of_patients_who_are_equally_certain_the_first_are_answered():
    confidence = np.tile([1.0, 0.0], 50)
    rank = np.arange(100).reshape(2, 50).T.ravel()
    points = risk_coverage(rank >= 75, confidence)
    assert [point.coverage for point in points] == [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    assert [point.n for point in points] == [100, 90, 80, 70, 60, 50]
    assert [point.wrong.value for point in points] == pytest.approx([25 / 100, 15 / 90, 5 / 80, 0, 0, 0])
    expected = np.mean([max(0, n - 75) / n for n in range(1, 101)])
    assert area_under_risk(rank >= 75, confidence) == pytest.approx(expected)


def test_a_cohort_smaller_than_the_folds_leaves_out_one_patient_at_a_time():
    known = np.random.default_rng(4).normal(size=(5, 2))
    expected = []
    for row in range(5):
        cloud = LedoitWolf().fit(np.delete(known, row, axis=0))
        expected.append(mahalanobis(known[row], cloud.location_, cloud.precision_))
    np.testing.assert_allclose(left_out_distances(known), expected)


def test_those_who_are_left_out_are_the_folds_of_scikit_learn():
    known = np.random.default_rng(5).normal(size=(47, 2))
    expected = np.empty(47)
    for others, left_out in KFold(10, shuffle=True, random_state=0).split(known):
        expected[left_out] = mahalanobis_distance(*mean_and_precision(known[others]), known[left_out])
    np.testing.assert_allclose(left_out_distances(known), expected)
