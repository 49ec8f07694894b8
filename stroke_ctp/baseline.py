"""Conventional indices in the network's place: the same folds, the same table of predictions."""

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.perfusion.index import low_cbv_area

INDICES = {"cbv": low_cbv_area}
"""By the name of the ablation that they are values of."""


def index_values(name: str, cohort: Cohort) -> Float[np.ndarray, " patient"]:
    """An index of every patient of a cohort, computed once per process."""
    return _index_values(name, cohort.folder)


@cache
def _index_values(name: str, folder: Path) -> Float[np.ndarray, " patient"]:
    cohort = Cohort(folder)
    rows = tqdm(range(len(cohort)), f"index {name}", unit="patient", ncols=79)
    return np.array([INDICES[name](cohort.series(row)) for row in rows])


def fit_scale(values: Float[np.ndarray, " patient"], labels: Int[np.ndarray, " patient"]) -> dict[str, float]:
    """Orientation and scale of an index, by logistic regression on the training folds."""
    fitted = LogisticRegression(C=np.inf).fit(values[:, None], labels)
    return {"slope": float(fitted.coef_[0, 0]), "intercept": float(fitted.intercept_[0])}


def probability_of(
    values: Float[np.ndarray, " patient"], slope: float, intercept: float
) -> Float[np.ndarray, " patient"]:
    """Probability of a large core."""
    return 1 / (1 + np.exp(-(slope * values + intercept)))
