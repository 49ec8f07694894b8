"""Calibration without groups: a smooth curve of the observed share of large cores, and its distance from the ideal.

P. C. Austin and E. W. Steyerberg, Statistics in Medicine 2014, 33, 517 (curve) and 2019, 38, 4051 (ICI).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from statsmodels.nonparametric.smoothers_lowess import lowess

from stroke_ctp.statistics.labels import Labels, Scores, missing_class
from stroke_ctp.statistics.resampling import drawn_patients

_SPAN = 0.75
"""Share of the patients that the local regression at a point rests on, as in the ICI's publication."""
_N_BOOTSTRAP = 200
_LEAST_DISTINCT = 10
"""With fewer different probabilities there is nothing to smooth."""


@dataclass(frozen=True)
class SmoothCalibration:
    """Observed share of large cores as a smooth function of the predicted probability, with its 95 % band."""

    predicted: Float[np.ndarray, " grid"]
    observed: Float[np.ndarray, " grid"]
    low: Float[np.ndarray, " grid"]
    """2.5th percentile of the curves of bootstrap samples, point by point."""
    high: Float[np.ndarray, " grid"]


def integrated_calibration_index(labels: Labels, scores: Scores) -> float | None:
    """Mean distance between predicted probability and smooth observed share; 0 is ideal, None if nothing is smooth."""
    if _too_few(labels, scores):
        return None
    distance = float(np.abs(_smooth(labels, scores, scores) - scores).mean())
    return None if np.isnan(distance) else distance


def smooth_calibration(labels: Labels, scores: Scores) -> SmoothCalibration | None:
    """Smooth curve and band between the lowest and the highest probability; None if there is too little to smooth."""
    if _too_few(labels, scores):
        return None
    grid = np.linspace(scores.min(), scores.max(), 101)
    drawn = drawn_patients(labels, _N_BOOTSTRAP)
    curves = np.stack([_smooth(labels[rows], scores[rows], grid) for rows in drawn])
    low, high = np.nanpercentile(curves, [2.5, 97.5], axis=0)
    return SmoothCalibration(grid, _smooth(labels, scores, grid), low, high)


def _smooth(labels: Labels, scores: Scores, at: Float[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
    """Local linear regression of the class on the probability; NaN where all neighbours have the same probability."""
    with np.errstate(invalid="ignore"):
        return lowess(labels.astype(float), scores, frac=_SPAN, it=0, xvals=at).clip(0, 1)


def _too_few(labels: Labels, scores: Scores) -> bool:
    return bool(missing_class(labels)) or len(np.unique(scores)) < _LEAST_DISTINCT
