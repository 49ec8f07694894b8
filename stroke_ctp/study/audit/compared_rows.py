"""Predictions that were computed again, row by row beside those that were recorded."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.common.text import some
from stroke_ctp.study.audit.findings import Compared


def compare_rows(
    where: str, rows: pd.DataFrame, again: Float[np.ndarray, " row"], tolerance: float, source: str
) -> Compared:
    """Compare recorded probabilities with those computed again.

    Args:
        where: Model and fold, for the phrase.
        rows: Of `predictions.csv`.
        again: Probability of each row.
        tolerance: Largest difference that rounding explains.
        source: What the probabilities were computed from, for the phrase.
    """
    differences = np.abs(rows["probability"].to_numpy(float) - again)
    wrong = differences > tolerance
    if not wrong.any():
        return Compared(len(rows), float(differences.max(initial=0.0)))
    patients, largest = some(rows.loc[wrong, "patient"], 3), float(differences.max())
    phrase = f"{where}: the probability of patient {patients} is not that of {source} (difference {largest:.2g})"
    return Compared(len(rows), largest, [phrase])
