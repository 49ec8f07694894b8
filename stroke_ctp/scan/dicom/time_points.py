"""Frames that belong together in time, of slices that may have been acquired one after the other."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

_LATER = 1e-3
"""By which a slice's frames rather follow those of its neighbour than precede them [s]."""


def assign_time_points(
    times: Float[np.ndarray, " frame"], slice_of: Int[np.ndarray, " frame"]
) -> Int[np.ndarray, " frame"]:
    """Which time point of the scan each frame is: the n-th of its slice, where none is missing.

    A slice that lacks frames is laid beside the nearest complete one so that their times differ least; halfway
    between two of a shuttle's, a frame belongs to the earlier.

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
    """When frames that were not acquired would have been: at those of the nearest complete slice, plus the usual lag.

    Args:
        times: When each frame was acquired [s]; NaN for one that was not. At least one slice is complete.
    """
    complete = np.flatnonzero(~np.isnan(times).any(axis=0))
    levels = np.arange(times.shape[1])
    nearest = complete[np.abs(complete[:, None] - levels).argmin(axis=0)]
    lag = np.nanmedian(times - times[:, nearest], axis=0)
    return np.where(np.isnan(times), times[:, nearest] + lag, times)
