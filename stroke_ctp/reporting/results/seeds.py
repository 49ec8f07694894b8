"""What makes trainings of one study with several seeds differ: seeds, folds, patients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from stroke_ctp.statistics.auc import AUC
from stroke_ctp.statistics.delong import delong, variance
from stroke_ctp.statistics.repeated_training import RepeatedTraining, repeated_training
from stroke_ctp.study.predictions import ModelPredictions, labels_and_scores


@dataclass(frozen=True)
class Seeds:
    """AUCs of the test folds of one model after trainings with several seeds."""

    means: Mapping[int, float]
    """Mean over folds of every seed."""
    variation: RepeatedTraining
    sd_patients: float | None
    """SD that the choice of a fold's test patients gives its AUC (DeLong); None with one patient of a class."""


def seeds_of(predictions: ModelPredictions, by_seed: Mapping[int, Sequence[AUC]]) -> Seeds | None:
    """Divide the variance of a model; None of a single seed, or where a fold was not run or has one class.

    Args:
        predictions: Of the model.
        by_seed: AUC of every test fold, by seed.
    """
    values = [[auc.value for auc in aucs] for aucs in by_seed.values()]
    if len(values) < 2 or any(value is None for row in values for value in row):
        return None
    aucs = np.array(values, float)
    runs = [rows for _, rows in predictions.test.groupby(["seed", "fold"])]
    return Seeds(
        dict(zip(by_seed, aucs.mean(axis=1).tolist(), strict=True)),
        repeated_training(aucs, predictions.test_to_train),
        _sd_of_patients(runs),
    )


def _sd_of_patients(runs: list[pd.DataFrame]) -> float | None:
    """Root of DeLong's mean variance within folds."""
    variances = [
        variance(delong(labels, scores[None])[1], int(labels.sum()))[0]
        for labels, scores in map(labels_and_scores, runs)
        if min(labels.sum(), (1 - labels).sum()) > 1
    ]
    return sqrt(float(np.mean(variances))) if variances else None
