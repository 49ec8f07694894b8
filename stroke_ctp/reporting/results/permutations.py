"""The mean AUC of a model against those of its trainings on permuted classes."""

from dataclasses import dataclass

import numpy as np

from stroke_ctp.statistics.interval_estimates import PValue
from stroke_ctp.statistics.resampling import p_of_permutations
from stroke_ctp.study.predictions import ModelPredictions


@dataclass(frozen=True)
class Permutations:
    """Mean AUC over test folds, with the true and with permuted classes."""

    n: int
    observed: float
    """Of the first seed, whose trainings were repeated."""
    mean: float
    """Over permutations."""
    low: float
    """2.5 % of the permutations are lower."""
    high: float
    """2.5 % of the permutations are higher."""
    p: PValue
    """Two-sided, with the true classes as one of the permutations."""


def permutations_of(predictions: ModelPredictions) -> Permutations | None:
    """Compare a model with its trainings on permuted classes; None if there are none, or an AUC is undefined."""
    true = [run.record().auc["test"] for key, run in predictions.runs.items() if key.seed == predictions.seeds[0]]
    known = [auc for auc in true if auc is not None]
    if predictions.permuted is None or len(known) < len(true):
        return None
    means, observed = predictions.permuted.mean(axis=1), float(np.mean(known))
    low, high = np.percentile(means, [2.5, 97.5])
    p = p_of_permutations(observed, means)
    return Permutations(len(means), observed, float(means.mean()), float(low), float(high), p)
