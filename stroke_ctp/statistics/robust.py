"""Spread of values among which some do not belong."""

import numpy as np
from jaxtyping import Float

_NORMAL = 0.6744897501960817
"""Median absolute deviation of a standard normal distribution."""


def robust_sd(values: Float[np.ndarray, "*shape"]) -> np.floating:
    """Standard deviation by the median absolute deviation; NaN without values.

    It is `scipy.stats.median_abs_deviation(values, axis=None, scale="normal")`, whose module takes half a second to
    load, in every command that reads a scan.

    >>> float(robust_sd(np.array([1.0, 2.0, 3.0, 4.0, 1000.0])))
    1.482602218505602
    """
    if values.size == 0:
        return np.float64("nan")
    return np.median(np.abs(values - np.median(values))) / _NORMAL
