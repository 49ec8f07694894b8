"""Quality of a standard series: motion, noise, arrival of the bolus."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import BASELINE_S, N_BASELINE, STANDARD_TIMES
from stroke_ctp.common.masks import soft_tissue_mask
from stroke_ctp.scan.registration import Motion
from stroke_ctp.statistics.robust import robust_sd

Quality = dict[str, float | int | str | bool | None]
"""A row of `quality.csv` or `motion.csv`."""

_MIN_BASELINE_SD_HU = 0.1
_LAST_FRAMES = 3
"""Averaged to the end of a curve."""


def motion_quality(motions: Sequence[Motion]) -> Quality:
    """Largest and median translation [mm] and rotation [deg], and largest residual [HU], over frames and levels."""
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


def noise_sd_hu(frames: Float[np.ndarray, "time height width"], times: Float[np.ndarray, " time"]) -> float:
    """Standard deviation of the noise on the standard grid [HU].

    Differences of successive pre-contrast frames cancel the anatomy; the median absolute deviation ignores vessels
    and edges.

    Args:
        frames: Registered frames as acquired, one level [HU].
        times: Their acquisition times [s].
    """
    early = frames[: max(2, int(np.sum(times < BASELINE_S)))]
    differences = np.diff(early, axis=0)[:, soft_tissue_mask(early.mean(axis=0))]
    if differences.size == 0:
        return float("nan")
    return float(robust_sd(differences)) / np.sqrt(2)


def bolus_arrival_s(series: Float[np.ndarray, "level 32 height width"]) -> float | None:
    """Time at which the mean enhancement of the brain exceeds 3 baseline SD in three successive frames, or None [s].

    Args:
        series: Standard series [HU].
    """
    curve = _brain_curve(series)
    if curve is None:
        return None
    baseline = curve[:N_BASELINE]
    above = curve > baseline.mean() + 3 * max(float(baseline.std(ddof=1)), _MIN_BASELINE_SD_HU)
    lasting = np.flatnonzero(above[:-2] & above[1:-1] & above[2:])
    return float(STANDARD_TIMES[lasting[0]]) if len(lasting) else None


def passage_quality(series: Float[np.ndarray, "level 32 height width"], valid_frames: int) -> Quality:
    """Peak of the brain's mean enhancement [HU], and the share of it that is left in the last valid frames.

    Args:
        series: Standard series [HU].
        valid_frames: Frames that were acquired; later ones repeat the last.
    """
    curve = _brain_curve(series)
    if curve is None:
        return {"brain_peak_hu": None, "brain_left": None}
    rise = curve[:valid_frames] - curve[:N_BASELINE].mean()
    left = float(np.clip(rise[-_LAST_FRAMES:].mean() / max(float(rise.max()), 1e-6), 0, 1))
    return {"brain_peak_hu": round(float(rise.max()), 2), "brain_left": round(left, 3)}


def _brain_curve(series: Float[np.ndarray, "level 32 height width"]) -> Float[np.ndarray, " 32"] | None:
    """Mean attenuation of soft tissue in every frame; None without any."""
    curves = []
    for level in series:
        brain = soft_tissue_mask(level[:N_BASELINE].mean(axis=0))
        if brain.any():
            curves.append(level[:, brain].mean(axis=1, dtype=np.float64))
    return np.mean(curves, axis=0) if curves else None
