"""Agreement of two measurements of the same quantity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import f as fisher
from scipy.stats import t as student

from stroke_ctp.common.text import counted
from stroke_ctp.statistics.interval_estimates import Estimate

_LEVEL = 0.95
_LIMITS = 1.96
_FEWEST = 3
"""Patients below which nothing is estimated."""


@dataclass(frozen=True)
class Differences:
    """Bland and Altman, Lancet 1986, 327, 307."""

    bias: Estimate
    """Mean difference, with Student's interval."""
    low: float
    """Lower 95 % limit of agreement: the mean minus 1.96 standard deviations."""
    high: float


def differences(measured: Float[np.ndarray, " patient"], true: Float[np.ndarray, " patient"]) -> Differences:
    """Differences, measured minus true; NaN with fewer than three patients."""
    error = measured - true
    n = len(error)
    if n < _FEWEST:
        return Differences(Estimate(reason=counted(n, "patient")), float("nan"), float("nan"))
    bias, sd = float(error.mean()), float(error.std(ddof=1))
    half = float(student.isf((1 - _LEVEL) / 2, n - 1)) * sd / n**0.5
    return Differences(Estimate(bias, bias - half, bias + half), bias - _LIMITS * sd, bias + _LIMITS * sd)


def icc_agreement(ratings: Float[np.ndarray, "patient rater"]) -> Estimate:
    """Intraclass correlation of single measurements, two-way, absolute agreement: ICC(A,1).

    Coefficient and interval of McGraw and Wong, Psychol. Methods 1996, 1, 30; the same as ICC(2,1) of Shrout and
    Fleiss, Psychol. Bull. 1979, 86, 420.

    >>> ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    >>> round(icc_agreement(ratings.astype(float)).value, 2)
    0.29
    """
    n, k = ratings.shape
    if n < _FEWEST or np.ptp(ratings) == 0:
        return Estimate(reason=counted(n, "patient") if n < _FEWEST else "all measurements are equal")
    mean = ratings.mean()
    rows = k * ((ratings.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    columns = n * ((ratings.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    total = ((ratings - mean) ** 2).sum()
    error = (total - (n - 1) * rows - (k - 1) * columns) / ((n - 1) * (k - 1))
    value = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    return Estimate(float(value), *_icc_interval(float(value), rows, columns, error, n, k))


def _icc_interval(icc: float, rows: float, columns: float, error: float, n: int, k: int) -> tuple[float, float]:
    """Interval of ICC(A,1) from the mean squares."""
    if icc >= 1:
        return icc, icc
    a, b = k * icc / (n * (1 - icc)), 1 + k * icc * (n - 1) / (n * (1 - icc))
    v = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    tail, rest = (1 - _LEVEL) / 2, k * columns + (k * n - k - n) * error
    below, above = fisher.isf(tail, n - 1, v), fisher.isf(tail, v, n - 1)
    low = n * (rows - below * error) / (below * rest + n * rows)
    high = n * (above * rows - error) / (rest + n * above * rows)
    return float(low), float(high)
