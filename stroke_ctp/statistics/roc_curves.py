"""ROC curves, and their mean over folds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn import metrics

from stroke_ctp.statistics.labels import Labels, Scores

GRID: Float[np.ndarray, " grid"] = np.linspace(0, 1, 101)
"""False-positive rates at which mean curves and bands are evaluated, one per percent."""


@dataclass(frozen=True)
class RocCurve:
    """An ROC curve from (0, 0) to (1, 1)."""

    false_positive_rate: Float[np.ndarray, " point"]
    true_positive_rate: Float[np.ndarray, " point"]


@dataclass(frozen=True)
class MeanCurve:
    """True-positive rates on `GRID`, averaged over folds."""

    mean: Float[np.ndarray, " grid"]
    sd: Float[np.ndarray, " grid"]
    """With n − 1 in the denominator; zero for a single fold."""


def roc_curve(labels: Labels, scores: Scores) -> RocCurve:
    """ROC curve of patients of both classes."""
    false_positive, true_positive, _ = metrics.roc_curve(labels, scores)
    return RocCurve(false_positive, true_positive)


def mean_curve(curves: Sequence[RocCurve]) -> MeanCurve:
    """Interpolate each curve linearly on `GRID`, pin (0, 0) and (1, 1), then average at each rate."""
    rates = np.stack([np.interp(GRID, one.false_positive_rate, one.true_positive_rate) for one in curves])
    rates[:, 0], rates[:, -1] = 0, 1
    sd = rates.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros_like(GRID)
    return MeanCurve(rates.mean(axis=0), sd)
