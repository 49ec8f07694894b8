"""ROC-AUC per fold, and its mean and standard deviation over folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import pandas as pd
from sklearn.metrics import roc_auc_score


@dataclass(frozen=True)
class AUC:
    """Area under the ROC curve of one set of patients."""

    value: float | None
    """None where it is undefined."""
    n_large: int
    n_small: int

    @property
    def reason(self) -> str:
        """Why it is undefined; empty where it is defined."""
        if self.n_large and self.n_small:
            return ""
        if self.n_large or self.n_small:
            return "no large core" if self.n_small else "no small core"
        return "no patients"


@dataclass(frozen=True)
class Summary:
    """AUCs of several folds, over those on which it is defined."""

    mean: float | None
    """None if it is defined on no fold."""
    sd: float | None
    """With n − 1 in the denominator; None if it is defined on fewer than two folds."""
    n_defined: int
    n_folds: int


def roc_auc(predictions: pd.DataFrame) -> AUC:
    """AUC of rows with `label` (1 large, 0 small) and `probability`."""
    n_large = int((predictions["label"] == 1).sum())
    n_small = len(predictions) - n_large
    defined = n_large > 0 and n_small > 0
    value = float(roc_auc_score(predictions["label"], predictions["probability"])) if defined else None
    return AUC(value, n_large, n_small)


def fold_aucs(folds: pd.DataFrame, split: str, n_folds: int) -> list[AUC]:
    """AUC of each fold 0 … `n_folds` − 1; a fold without a row of that split has an undefined one."""
    rows = folds[folds["split"] == split]
    return [roc_auc(rows[rows["fold"] == fold]) for fold in range(n_folds)]


def summarize(aucs: Sequence[AUC]) -> Summary:
    """Mean and SD (n − 1) over the folds on which the AUC is defined."""
    values = [auc.value for auc in aucs if auc.value is not None]
    return Summary(
        mean=mean(values) if values else None,
        sd=stdev(values) if len(values) > 1 else None,
        n_defined=len(values),
        n_folds=len(aucs),
    )
