"""Decision curve: the net benefit of calling cores large by the model, whatever follows from the call.

A. J. Vickers and E. B. Elkin, Medical Decision Making 2006, 26, 565.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.statistics.labels import Labels, Scores

THRESHOLDS: Float[np.ndarray, " threshold"] = np.arange(10, 91) / 100
"""Threshold probabilities: at the odds of a threshold, a missed large core and a false alarm weigh the same.

From 0.1 to 0.9: beyond, one error would count more than nine of the other.
"""


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per patient of three policies, at each threshold probability."""

    threshold: Float[np.ndarray, " threshold"]
    model: Float[np.ndarray, " threshold"]
    """Call the cores large whose probability reaches the threshold."""
    call_all: Float[np.ndarray, " threshold"]
    call_none: Float[np.ndarray, " threshold"]
    share_large: float
    """Share of patients with a large core, the highest net benefit that is possible."""


def decision_curve(labels: Labels, scores: Scores) -> DecisionCurve:
    """True positives per patient minus false positives per patient, these weighted by the threshold's odds."""
    called = scores >= THRESHOLDS[:, None]
    odds = THRESHOLDS / (1 - THRESHOLDS)
    true_positive = (called & (labels == 1)).mean(axis=1)
    false_positive = (called & (labels == 0)).mean(axis=1)
    share = float(np.mean(labels))
    return DecisionCurve(
        threshold=THRESHOLDS,
        model=true_positive - odds * false_positive,
        call_all=share - odds * (1 - share),
        call_none=np.zeros_like(THRESHOLDS),
        share_large=share,
    )
