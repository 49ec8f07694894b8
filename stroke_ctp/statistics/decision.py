"""Decision curves: what it is worth to act on the predictions.

A. J. Vickers and E. B. Elkin, Medical Decision Making 2006, 26, 565.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.statistics.delong import Labels, Scores

THRESHOLDS: Float[np.ndarray, " threshold"] = np.arange(1, 100) / 100
"""Probabilities from which on one would treat: the odds at which a missed large core and a false alarm weigh alike."""


def net_benefit(labels: Labels, scores: Scores) -> pd.DataFrame:
    """True positives per patient less false positives at the odds of the threshold.

    Returns:
        Columns threshold, model, treat_all, treat_none; the policies treat a patient from the threshold upwards.
    """
    called = scores >= THRESHOLDS[:, None]
    odds = THRESHOLDS / (1 - THRESHOLDS)
    true_positive = (called & (labels == 1)).mean(axis=1)
    false_positive = (called & (labels == 0)).mean(axis=1)
    share = float(np.mean(labels))
    return pd.DataFrame(
        {
            "threshold": THRESHOLDS,
            "model": true_positive - odds * false_positive,
            "treat_all": share - odds * (1 - share),
            "treat_none": 0.0,
        }
    )
