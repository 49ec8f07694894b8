"""How good a standard series is: motion, noise, arrival of the bolus."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.scan.registration import Motion
from stroke_ctp.scan.time_grid import STANDARD_TIMES

Quality = dict[str, float | int | str | bool | None]
"""A row of a table about a series."""

_BASELINE_S = 6.0
"""Onset in the measured ISLES 2018 curves is 6 s or later in three quarters of patients."""
_MIN_BASELINE_SD_HU = 0.1
_SD_PER_MAD = 1.4826


def motion_quality(motions: Sequence[Motion]) -> Quality:
    """Largest and median translation [mm] and rotation [deg] over the frames of all levels, and what was left."""
    translation = np.concatenate([motion.translation_mm for motion in motions])
    rotation = np.concatenate([motion.rotation_deg for motion in motions])
    residual = np.concatenate([motion.residual_hu for motion in motions])
    return {
        "max_translation_mm": round(float(translation.max()), 3),
        "median_translation_mm": round(float(np.median(translation)), 3),
        "max_rotation_deg": round(float(rotation.max()), 3),
        "median_rotation_deg": round(float(np.median(rotation)), 3),
        "max_residual_hu": round(float(residual.max()), 2),
    }


def brain_mask(baseline: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels of soft tissue; the scalp is among them, but too little of it to matter.

    Args:
        baseline: Mean of the first frames [HU].
    """
    return (baseline > 10) & (baseline < 70)


def noise_sd_hu(frames: Float[np.ndarray, "time height width"], times: Float[np.ndarray, " time"]) -> float:
    """Standard deviation of the noise on the standard grid [HU].

    From differences of successive frames before the bolus, so that anatomy cancels, by the median
    absolute deviation, so that vessels and edges do not count.

    Args:
        frames: Registered frames as acquired, one level [HU].
        times: Their acquisition times [s].
    """
    early = frames[: max(2, int(np.searchsorted(times, _BASELINE_S)))]
    differences = np.diff(early, axis=0)[:, brain_mask(early.mean(axis=0))]
    if differences.size == 0:
        return float("nan")
    deviation = np.abs(differences - np.median(differences))
    return _SD_PER_MAD * float(np.median(deviation)) / np.sqrt(2)


def bolus_arrival_s(series: Float[np.ndarray, "level 32 height width"]) -> float | None:
    """When the mean enhancement of the brain first rises by more than 3 baseline SD for good, or None [s].

    "For good" is three frames in a row: a single frame is noise.

    Args:
        series: Standard series [HU].
    """
    n_baseline = int(np.searchsorted(STANDARD_TIMES, _BASELINE_S))
    curves = []
    for level in series:
        brain = brain_mask(level[:n_baseline].mean(axis=0))
        if brain.any():
            curves.append(level[:, brain].mean(axis=1))
    if not curves:
        return None
    curve = np.mean(curves, axis=0)
    baseline = curve[:n_baseline]
    above = curve > baseline.mean() + 3 * max(float(baseline.std(ddof=1)), _MIN_BASELINE_SD_HU)
    lasting = np.flatnonzero(above[:-2] & above[1:-1] & above[2:])
    return float(STANDARD_TIMES[lasting[0]]) if len(lasting) else None
