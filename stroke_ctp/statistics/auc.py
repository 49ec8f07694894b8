"""ROC-AUC, and its mean and standard deviation over folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from stroke_ctp.statistics.labels import Labels, Scores, missing_class


@dataclass(frozen=True)
class AUC:
    """Area under the ROC curve of one set of patients."""

    value: float | None
    """None if a class is missing."""
    n_large: int
    n_small: int
    reason: str = ""
    """Why the AUC is undefined; empty if it is defined."""


@dataclass(frozen=True)
class FoldSummary:
    """Mean and standard deviation over the folds in which the AUC is defined."""

    mean: float | None
    """None if no fold defines an AUC."""
    sd: float | None
    """With n − 1 in the denominator; None if fewer than two folds define an AUC."""
    n_defined: int
    n_folds: int


def roc_auc(labels: Labels, scores: Scores) -> AUC:
    """AUC of one set of patients; ties count half.

    >>> import numpy as np
    >>> roc_auc(np.array([1, 0, 0]), np.array([0.7, 0.2, 0.9])).value
    0.5
    """
    from sklearn.metrics import roc_auc_score  # slow to load, and not needed by predictions

    n_large = int((labels == 1).sum())
    reason = missing_class(labels)
    value = None if reason else float(roc_auc_score(labels, scores))
    return AUC(value, n_large, len(labels) - n_large, reason)


def average(aucs: Sequence[AUC]) -> AUC:
    """Mean AUC of several models on the same patients, over those that are defined."""
    values = [auc.value for auc in aucs if auc.value is not None]
    first = next((auc for auc in aucs if auc.value is not None), aucs[0])
    return replace(first, value=mean(values)) if values else first


def summarize(aucs: Sequence[AUC]) -> FoldSummary:
    """Mean and SD (n − 1) over the folds in which the AUC is defined."""
    values = [auc.value for auc in aucs if auc.value is not None]
    return FoldSummary(
        mean=mean(values) if values else None,
        sd=stdev(values) if len(values) > 1 else None,
        n_defined=len(values),
        n_folds=len(aucs),
    )
