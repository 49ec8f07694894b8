"""Frame order and acquisition times."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom.clocks import choose_clock, clock_times, distinguishes_frames
from stroke_ctp.scan.dicom.frame_headers import Frame


def acquisition_times(
    frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"], order_suffices: bool
) -> Float[np.ndarray, " frame"]:
    """Acquisition time of each frame [s].

    Args:
        frames: Of one acquisition.
        slice_of: Index of each frame's slice.
        order_suffices: If the headers hold no times, return ranks in time order instead.

    Raises:
        Excluded: A slice has only one frame, or the headers hold neither times nor, if that suffices, an order.
    """
    n_frames = np.bincount(slice_of)
    if n_frames.min() < 2:
        lone = frames[int(np.flatnonzero(slice_of == n_frames.argmin())[0])].name
        raise Excluded(
            "reading", f"each slice must have two or more frames, got one in the slice of {lone}; remove that file"
        )
    values = [frame.times for frame in frames]
    clock = choose_clock(values, slice_of)
    times = None if clock is None else clock_times(values, clock)
    if times is None and order_suffices:
        return _order(frames, slice_of)
    if times is None:
        raise Excluded(
            "timing",
            f"no time in the headers distinguishes the frames of every slice (file {frames[0].name}); "
            "give frame_interval_s",
        )
    return times


def _order(frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """Temporal position, or else acquisition number, or else each frame's rank in its slice by number or name."""
    for column in list(zip(*(frame.numbers for frame in frames), strict=True))[:2]:
        if None not in column and distinguishes_frames(np.array(column), slice_of):
            return np.array(column)
    n_frames = np.bincount(slice_of)
    if n_frames.min() < n_frames.max():
        raise Excluded(
            "timing",
            f"slices must have the same number of frames if the headers hold no times, got "
            f"{n_frames.min()} to {n_frames.max()} (file {frames[0].name}); export the scan again",
        )
    ranks = np.empty(len(frames))
    order = np.lexsort((_instance_order(frames, slice_of), slice_of))
    ranks[order] = np.tile(np.arange(n_frames[0], dtype=np.float64), len(n_frames))
    return ranks


def _instance_order(frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """Instance numbers or, if they do not distinguish the frames of a slice, ranks by file name."""
    numbers = [frame.numbers[2] for frame in frames]
    if None not in numbers and distinguishes_frames(np.array(numbers), slice_of):
        return np.array(numbers)
    ranks_by_name = np.empty(len(frames))
    by_name = sorted(range(len(frames)), key=lambda k: (_natural(frames[k].name), frames[k].index))
    ranks_by_name[by_name] = range(len(frames))
    return ranks_by_name


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key of a name, in which numbers compare as numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))
