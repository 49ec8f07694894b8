from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stroke_ctp.statistics.auc import AUC, fold_aucs, roc_auc, summarize
from stroke_ctp.statistics.curves import GRID, fold_curves, mean_curve


def _rows(labels: list[int], probabilities: list[float], fold: int = 0, split: str = "test") -> pd.DataFrame:
    return pd.DataFrame({"fold": fold, "split": split, "label": labels, "probability": probabilities})


def test_auc_is_the_share_of_pairs_in_the_right_order_with_ties_counting_half():
    labels, probabilities = [1, 1, 1, 0, 0], [0.9, 0.5, 0.2, 0.5, 0.1]
    pairs = [(p > q) + (p == q) / 2 for p in probabilities[:3] for q in probabilities[3:]]
    auc = roc_auc(_rows(labels, probabilities))
    assert auc.value == pytest.approx(mean(pairs))
    assert (auc.n_large, auc.n_small) == (3, 2)


@pytest.mark.parametrize(
    ("labels", "reason"), [([1, 1], "no small core"), ([0, 0, 0], "no large core"), ([], "no patients")]
)
def test_auc_without_both_classes_is_undefined_with_a_reason(labels: list[int], reason: str):
    auc = roc_auc(_rows(labels, [0.5] * len(labels)))
    assert auc.value is None
    assert auc.reason == reason


def test_folds_are_scored_apart_and_a_fold_without_rows_is_undefined():
    folds = pd.concat([_rows([1, 0], [0.8, 0.1]), _rows([1, 0], [0.1, 0.8], fold=2)])
    assert [auc.value for auc in fold_aucs(folds, "test", 3)] == [1, None, 0]
    assert [auc.reason for auc in fold_aucs(folds, "validation", 3)] == ["no patients"] * 3


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
    labels = [0, 1] * 200
    folds = pd.concat([_rows(labels, list(generator.random(400) + 0.3 * np.array(labels)), k) for k in range(4)])
    average = mean_curve(fold_curves(folds, "test"))
    aucs = [roc_auc_score(fold["label"], fold["probability"]) for _, fold in folds.groupby("fold")]
    assert (average.mean[0], average.mean[-1], average.sd[0], average.sd[-1]) == (0, 1, 0, 0)
    assert np.trapezoid(average.mean, GRID) == pytest.approx(mean(aucs), abs=0.005)


def test_band_is_the_sd_of_the_interpolated_curves_with_n_minus_1():
    perfect, chance = (np.array([0.0, 0, 1]), np.array([0.0, 1, 1])), (np.array([0.0, 1]), np.array([0.0, 1]))
    average = mean_curve([perfect, chance])
    assert average.mean[50] == pytest.approx(0.75)
    assert average.sd[50] == pytest.approx(stdev([1, 0.5]))


def test_folds_with_one_class_have_no_curve():
    folds = pd.concat([_rows([1, 0], [0.8, 0.1]), _rows([1, 1], [0.1, 0.8], fold=1)])
    assert len(fold_curves(folds, "test")) == 1
