"""Near-duplicates: series that share the noise of one acquisition, also if noise was added or values were rounded.

Noise is drawn anew in every acquisition, so two series with the same noise are copies of one scan, whatever their names
and labels. `docs/report.md` says how far apart pairs of patients and copies are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from stroke_ctp.statistics.robust import robust_sd

THRESHOLD = 0.3
"""Least correlation of the noise of two copies: above that of any two patients, below that of a disguised copy."""

_BRAIN_HU = (0.0, 80.0)
_CLIP_SD = 2.0
"""Edges that motion displaces are larger than noise, and similar in all heads."""
_ADJACENT, _APART = (0, 1, 2), (0, 2, 4)
"""Frames whose second difference is taken."""
_INTERPOLATED = 0.5
"""Noise of adjacent frames, as a share of that of frames apart, below which the former are mostly interpolated."""


@dataclass(frozen=True)
class NoisePattern:
    """Noise of a series, as unit vectors with one value per pixel of both levels; all 0 where there is none."""

    adjacent: Float[np.ndarray, " pixel"]
    apart: Float[np.ndarray, " pixel"]
    """Of every second frame. Two patients resemble each other more in it, because it lasts until contrast arrives."""
    is_interpolated: bool
    """Whether adjacent frames show little of the noise: of a frame every 3 s, each second standard frame is the mean of
    its neighbours."""


def noise_pattern(series: Float[np.ndarray, "level time height width"]) -> NoisePattern | None:
    """Noise of a standard series within the brain; None without noise.

    It is the second difference of the first frames, which leaves out anatomy and steady motion.

    Args:
        series: Standard series [HU].
    """
    (adjacent, small), (apart, large) = (
        _noise(np.asarray(series[:, list(frames)], np.float32)) for frames in (_ADJACENT, _APART)
    )
    return NoisePattern(adjacent, apart, small < _INTERPOLATED * large) if small > 0 or large > 0 else None


def _noise(frames: Float32[np.ndarray, "level 3 height width"]) -> tuple[Float[np.ndarray, " pixel"], float]:
    """Pattern and standard deviation of the second difference of three frames [HU]."""
    mean = frames.mean(axis=1)
    brain = (mean > _BRAIN_HU[0]) & (mean < _BRAIN_HU[1])
    noise = frames[:, 0] - 2 * frames[:, 1] + frames[:, 2]
    sd = float(robust_sd(noise[brain]))
    if not sd > 0:  # NaN without brain
        return np.zeros(brain.size, np.float32), 0.0
    noise -= np.median(noise[brain])  # early contrast lifts all of the brain, whose outline would be the pattern
    pattern = np.where(brain, noise.clip(-_CLIP_SD * sd, _CLIP_SD * sd), 0).ravel()
    pattern -= pattern.mean()
    return pattern / np.linalg.norm(pattern), sd


def near_duplicates(patterns: Mapping[str, NoisePattern]) -> tuple[list[tuple[str, str, float]], float]:
    """Pairs of patients whose noise correlates above `THRESHOLD`, and the largest correlation of all other pairs.

    A copy that was mirrored from left to right is found as well.

    Args:
        patterns: Of `noise_pattern`, by the name of the patient.
    """
    names, every = list(patterns), list(patterns.values())
    if len(names) < 2:
        return [], 0.0
    rows, columns = np.triu_indices(len(names), 1)
    correlation = _correlations(np.stack([one.adjacent for one in every]))
    interpolated: Bool[np.ndarray, " patient"] = np.array([one.is_interpolated for one in every])
    if interpolated.any():  # noise added to a copy hides that it is: one of both is enough
        apart = _correlations(np.stack([one.apart for one in every]))
        either = interpolated[:, None] | interpolated
        correlation = np.where(either, np.maximum(correlation, apart), correlation)
    found = correlation[rows, columns]
    copies = found > THRESHOLD
    pairs = [
        (names[row], names[column], float(value))
        for row, column, value in zip(rows[copies], columns[copies], found[copies], strict=True)
    ]
    return pairs, float(found[~copies].max(initial=0.0))


def _correlations(patterns: Float[np.ndarray, "patient pixel"]) -> Float[np.ndarray, "patient patient"]:
    """Absolute correlation of all pairs, one of them as it is or mirrored."""
    side = int(np.sqrt(patterns.shape[1] // 2))
    mirrored = patterns.reshape(len(patterns), -1, side)[:, :, ::-1].reshape(len(patterns), -1)
    return np.maximum(np.abs(patterns @ patterns.T), np.abs(patterns @ mirrored.T))
