"""Interpolation of frames in time."""

from typing import Any

import numpy as np
from einops import reduce
from jaxtyping import Bool, Float, Float32, Shaped

from stroke_ctp.common.geometry import STANDARD_TIMES


def count_needed_frames(times: Float[np.ndarray, " time"]) -> int:
    """Number of leading frames that determine the standard series: up to the first at or after its end.

    Args:
        times: Acquisition times of one slice's frames [s]; NaN for frames that were not acquired.
    """
    after = np.flatnonzero(times >= STANDARD_TIMES[-1] - 1e-6)
    return int(after[0]) + 1 if len(after) else len(times)


def to_standard_times(
    frames: Float32[np.ndarray, "time height width"], times: Float[np.ndarray, " time"]
) -> Float32[np.ndarray, "32 height width"]:
    """Frames at the standard times [HU]; arguments as of `interpolate_frames`."""
    return interpolate_frames(frames, times, STANDARD_TIMES)


def interpolate_frames(
    frames: Float32[np.ndarray, "time height width"],
    times: Float[np.ndarray, " time"],
    wanted: Float[np.ndarray, " wanted"],
) -> Float32[np.ndarray, "wanted height width"]:
    """Interpolate frames linearly in time; outside their range the first or last frame is repeated.

    Args:
        frames: Frames at increasing times, at least two [HU].
        times: Their acquisition times [s].
        wanted: Times of the frames returned [s].
    """
    after = np.clip(np.searchsorted(times, wanted, side="right"), 1, len(times) - 1)
    before = after - 1
    weight = np.clip((wanted - times[before]) / (times[after] - times[before]), 0, 1)
    weight = weight.astype(np.float32)[:, None, None]
    return (1 - weight) * frames[before] + weight * frames[after]


def acquired_after_first(frames: Shaped[Any, "*batch time height width"]) -> Bool[Any, "*batch later"]:
    """Whether each frame from the second on was acquired: no longer, once all that follow repeat the one before.

    `interpolate_frames` holds the last frame of a short scan so.

    Args:
        frames: Of NumPy or PyTorch.
    """
    changes = frames[..., 1:, :, :] != frames[..., :-1, :, :]
    changed = reduce(changes, "... time height width -> ... time", "any")
    so_far = changed.cumsum(-1)
    return changed | (so_far < so_far[..., -1:])
