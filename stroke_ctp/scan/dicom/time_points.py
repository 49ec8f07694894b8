"""Assignment of frames to time points, for slices acquired simultaneously or one after the other."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

_LATER = 1e-3
"""Preference for a frame to follow, not precede, the matching frame of the neighbouring slice [s]."""


def assign_time_points(
    times: Float[np.ndarray, " frame"], slice_of: Int[np.ndarray, " frame"]
) -> Int[np.ndarray, " frame"]:
    """Time point of each frame: its rank in the slice if the slice lacks no frame.

    Frames of an incomplete slice are matched to the times of the nearest complete slice with the least squared
    difference; half way between two time points of a shuttle, a frame belongs to the earlier one.

    Args:
        times: When each frame was acquired [s].
        slice_of: Index of each frame's slice.
    """
    counts = np.bincount(slice_of)
    n_rows = counts.max()
    complete = np.flatnonzero(counts == n_rows)
    rows = np.empty(len(times), dtype=np.int64)
    for level in range(len(counts)):
        frames = np.flatnonzero(slice_of == level)
        frames = frames[np.argsort(times[frames])]
        nearest = complete[np.abs(complete - level).argmin()]
        reference = np.sort(times[slice_of == nearest])
        # for squared differences the best assignment keeps the order
        rows[frames] = linear_sum_assignment((times[frames, None] - reference - _LATER) ** 2)[1]
    return rows


def expected_times(times: Float[np.ndarray, "time slice"]) -> Float[np.ndarray, "time slice"]:
    """Expected times of missing frames: those of the nearest complete slice plus the median lag.

    Args:
        times: When each frame was acquired [s]; NaN for missing frames. At least one slice is complete.
    """
    complete = np.flatnonzero(~np.isnan(times).any(axis=0))
    levels = np.arange(times.shape[1])
    nearest = complete[np.abs(complete[:, None] - levels).argmin(axis=0)]
    lag = np.nanmedian(times - times[:, nearest], axis=0)
    return np.where(np.isnan(times), times[:, nearest] + lag, times)
