"""Standard times: 32 frames, one every 1.5 s."""

import numpy as np
from jaxtyping import Float, Float32

N_FRAMES = 32
FRAME_INTERVAL_S = 1.5
STANDARD_TIMES = np.arange(N_FRAMES) * FRAME_INTERVAL_S
"""0, 1.5, …, 46.5 [s]."""


def needed_frames(times: Float[np.ndarray, " time"]) -> int:
    """How many leading frames determine the standard series: up to the first at or after its end.

    Args:
        times: Acquisition times of one slice's frames [s]; NaN for one that was not acquired.
    """
    after = np.flatnonzero(times >= STANDARD_TIMES[-1] - 1e-6)
    return int(after[0]) + 1 if len(after) else len(times)


def to_standard_times(
    frames: Float32[np.ndarray, "time height width"], times: Float[np.ndarray, " time"]
) -> Float32[np.ndarray, "32 height width"]:
    """Interpolate frames linearly in time; after the last frame the last one is held.

    Args:
        frames: Frames at increasing times, at least two [HU].
        times: Their acquisition times, the first at 0 [s].

    Returns:
        Frames at the standard times [HU].
    """
    after = np.clip(np.searchsorted(times, STANDARD_TIMES, side="right"), 1, len(times) - 1)
    before = after - 1
    weight = np.clip((STANDARD_TIMES - times[before]) / (times[after] - times[before]), 0, 1)
    weight = weight.astype(np.float32)[:, None, None]
    return (1 - weight) * frames[before] + weight * frames[after]
