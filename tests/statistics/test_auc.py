from statistics import mean, stdev

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from stroke_ctp.statistics.auc import AUC, average, roc_auc, summarize
from stroke_ctp.statistics.roc_curves import GRID, RocCurve, mean_curve, roc_curve


def test_auc_is_the_share_of_pairs_in_the_right_order_with_ties_counting_half():
    labels, probabilities = [1, 1, 1, 0, 0], [0.9, 0.5, 0.2, 0.5, 0.1]
    pairs = [(p > q) + (p == q) / 2 for p in probabilities[:3] for q in probabilities[3:]]
    auc = roc_auc(np.array(labels), np.array(probabilities))
    assert auc.value == pytest.approx(mean(pairs))
    assert (auc.n_large, auc.n_small) == (3, 2)


@pytest.mark.parametrize(
    ("labels", "reason"), [([1, 1], "no small core"), ([0, 0, 0], "no large core"), ([], "no patients")]
)
def test_auc_without_both_classes_is_undefined_with_a_reason(labels: list[int], reason: str):
    auc = roc_auc(np.array(labels, int), np.full(len(labels), 0.5))
    assert auc.value is None
    assert auc.reason == reason


def test_summary_is_over_defined_folds_with_n_minus_1():
    aucs = [AUC(0.5, 1, 2), AUC(None, 0, 3), AUC(0.9, 2, 2), AUC(0.7, 3, 3)]
    summary = summarize(aucs)
    assert summary.mean == pytest.approx(0.7)
    assert summary.sd == pytest.approx(0.2)
    assert (summary.n_defined, summary.n_folds) == (3, 4)


def test_sd_of_one_fold_and_mean_of_none_are_undefined():
    assert summarize([AUC(0.8, 1, 1), AUC(None, 0, 1)]).sd is None
    assert summarize([AUC(None, 0, 1)]).mean is None


def test_mean_curve_is_pinned_and_its_area_is_the_mean_of_the_fold_aucs():
    generator = np.random.default_rng(0)
    labels = np.array([0, 1] * 200)
    folds = [generator.random(400) + 0.3 * labels for _ in range(4)]
    average = mean_curve([roc_curve(labels, scores) for scores in folds])
    aucs = [roc_auc_score(labels, scores) for scores in folds]
    assert (average.mean[0], average.mean[-1], average.sd[0], average.sd[-1]) == (0, 1, 0, 0)
    assert np.trapezoid(average.mean, GRID) == pytest.approx(mean(aucs), abs=0.005)


def test_band_is_the_sd_of_the_interpolated_curves_with_n_minus_1():
    perfect = RocCurve(np.array([0.0, 0, 1]), np.array([0.0, 1, 1]))
    chance = RocCurve(np.array([0.0, 1]), np.array([0.0, 1]))
    average = mean_curve([perfect, chance])
    assert average.mean[50] == pytest.approx(0.75)
    assert average.sd[50] == pytest.approx(stdev([1, 0.5]))


def test_the_average_of_several_models_is_over_those_that_define_an_auc():
    first, second, none = AUC(0.6, 2, 3), AUC(0.9, 2, 3), AUC(None, 0, 3, "no large core")
    found = average([none, first, second])
    assert found.value == pytest.approx(0.75)
    assert (found.n_large, found.n_small, found.reason) == (2, 3, "")
    assert average([none, none]) == none


def test_two_folds_have_an_sd():
    assert summarize([AUC(0.5, 1, 2), AUC(0.9, 2, 2)]).sd == pytest.approx(stdev([0.5, 0.9]))


def test_a_single_curve_has_no_spread():
    curve = mean_curve([RocCurve(np.array([0.0, 1]), np.array([0.0, 1]))])
    assert not curve.sd.any()
    np.testing.assert_allclose(curve.mean, np.arange(101) / 100)
