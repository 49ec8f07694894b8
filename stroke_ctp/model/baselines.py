"""Conventional perfusion analysis in the network's place: the same folds, the same table of predictions."""

from functools import cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from joblib import cpu_count
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.hemodynamics.core_area import core_area

TWO_LEVELS = {"cbv": "cbv", "rcbf": "rcbf"}
"""Ablations scored from the two levels that the network sees, and the definition of the core of each."""
WHOLE_SCAN = {"cbv_scan": "scan_cbv_ml", "rcbf_scan": "scan_rcbf_ml"}
"""Ablations scored from the whole scan, and the column of `cohort.csv` that `preprocess volumes=true` fills."""
BASELINES = (*TWO_LEVELS, *WHOLE_SCAN)


def baseline_values(name: str, cohort: Cohort) -> Float[np.ndarray, " patient"]:
    """Core of every patient of a cohort, by area [cm²] or volume [mL]; not a number where it cannot be measured.

    Raises:
        UserError: The cohort has no volumes of whole scans.
    """
    if name in TWO_LEVELS:
        return _areas(TWO_LEVELS[name], cohort.folder.resolve())  # processes that lie ready may stand elsewhere
    column = WHOLE_SCAN[name]
    if column not in cohort.table:
        raise UserError(
            f"ablation={name} needs the column {column}, which {cohort.folder / 'cohort.csv'} has not; "
            "add it with `python -m stroke_ctp.preprocess … volumes=true`"
        )
    return cohort.table[column].replace("", np.nan).to_numpy(np.float64)


@cache
def _areas(definition: str, folder: Path) -> Float[np.ndarray, " patient"]:
    """Computed once per process, for all folds."""
    cohort = Cohort(folder)
    results = parallel_map(partial(_area, definition=definition, cohort=cohort), range(len(cohort)), cpu_count())
    return np.array(list(tqdm(results, f"core by {definition}", len(cohort), unit="patient", ncols=79)))


def _area(row: int, definition: str, cohort: Cohort) -> float:
    return core_area(cohort.series(row), definition)


def fit_scale(values: Float[np.ndarray, " patient"], labels: Int[np.ndarray, " patient"]) -> dict[str, float]:
    """Orientation and scale by logistic regression on the training folds, and what stands in for a missing value.

    Returns:
        `slope` and `intercept`; `missing`, the median value, which says nothing about a patient.

    Raises:
        UserError: No patient of the training folds has a value.
    """
    known = np.isfinite(values)
    if not known.any():
        raise UserError("no patient of the training folds could be measured; see the scans' quality.csv")
    missing = float(np.median(values[known]))
    fitted = LogisticRegression(C=np.inf).fit(np.where(known, values, missing)[:, None], labels)
    return {"slope": float(fitted.coef_[0, 0]), "intercept": float(fitted.intercept_[0]), "missing": missing}


def probability_of(
    values: Float[np.ndarray, " patient"], slope: float, intercept: float, missing: float
) -> Float[np.ndarray, " patient"]:
    """Probability of a large core."""
    known = np.where(np.isfinite(values), values, missing)
    return 1 / (1 + np.exp(-(slope * known + intercept)))
