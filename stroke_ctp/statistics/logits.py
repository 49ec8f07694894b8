"""Logits of probabilities that may be 0 or 1."""

import numpy as np
from jaxtyping import Float
from scipy.special import logit

_NEAREST = 1e-6
"""Probabilities are clipped to this distance from 0 and 1, where the logit is infinite."""
FARTHEST = float(logit(1 - _NEAREST))
"""Largest logit."""


def logits(scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Logarithms of the odds, finite, of the same shape."""
    return logit(np.clip(scores, _NEAREST, 1 - _NEAREST))
