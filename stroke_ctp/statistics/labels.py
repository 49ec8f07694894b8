"""Labels and scores of patients, as all statistics take them."""

import numpy as np
from jaxtyping import Float, Int

Labels = Int[np.ndarray, " patient"]
"""1 for a large core, 0 for a small one."""
Scores = Float[np.ndarray, " patient"]
"""Predicted probabilities of a large core, or any other score that is higher for large cores."""


def missing_class(labels: Labels) -> str:
    """Why these patients allow no ROC analysis; empty if both classes are present.

    >>> missing_class(np.array([1, 1]))
    'no small core'
    """
    if len(labels) == 0:
        return "no patients"
    if labels.min() == labels.max():
        return "no small core" if labels[0] else "no large core"
    return ""
