"""ROC curves, and their mean over folds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.metrics import roc_curve

Curve = tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"]]
"""False- and true-positive rates from (0, 0) to (1, 1); every curve has its own number of points."""

GRID: Float[np.ndarray, " grid"] = np.linspace(0, 1, 101)
"""Common false-positive rates, one per percent."""


@dataclass(frozen=True)
class MeanCurve:
    """True-positive rates on `GRID`, over folds."""

    mean: Float[np.ndarray, " grid"]
    sd: Float[np.ndarray, " grid"]
    """With n − 1 in the denominator; zero for a single fold."""


def curve(predictions: pd.DataFrame) -> Curve:
    """ROC curve of rows with `label` and `probability`; both classes must be there."""
    false_positive, true_positive, _ = roc_curve(predictions["label"], predictions["probability"])
    return false_positive, true_positive


def fold_curves(folds: pd.DataFrame, split: str) -> list[Curve]:
    """ROC curves of those folds that have both classes."""
    rows = folds[folds["split"] == split]
    return [curve(fold) for _, fold in rows.groupby("fold") if fold["label"].nunique() == 2]


def mean_curve(curves: Sequence[Curve]) -> MeanCurve:
    """Interpolate each curve linearly on `GRID`, pin (0, 0) and (1, 1), then average at each rate."""
    rates = np.stack([np.interp(GRID, *one) for one in curves])
    rates[:, 0], rates[:, -1] = 0, 1
    sd = rates.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros_like(GRID)
    return MeanCurve(rates.mean(axis=0), sd)
