"""DICOM folders in, in patient axes: classic CT of any vendor and enhanced multi-frame CT."""

import re
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.ndimage import shift

from stroke_ctp.scan.dicom_clocks import believed, shown, told_apart
from stroke_ctp.scan.dicom_copies import without_copies
from stroke_ctp.scan.dicom_files import ct_files, quiet
from stroke_ctp.scan.dicom_frames import Frame
from stroke_ctp.scan.dicom_geometry import Stack, stack_of
from stroke_ctp.scan.dicom_pixels import AIR_HU, hu_images
from stroke_ctp.scan.dicom_rows import expected_times, rows_of
from stroke_ctp.scan.dicom_series import perfusion_frames
from stroke_ctp.scan.inclusion import Excluded
from stroke_ctp.types import CTPScan


@quiet()
def read_dicom(path: Path, frame_interval_s: float | None = None) -> CTPScan:
    """Read the CT perfusion acquisition of a folder into patient axes.

    Slices are counted from inferior to superior. Frames of a tilted gantry are shifted in their plane, by linear
    interpolation, so that what runs along the slices' normal stands upright. No value of a header that tells of a
    person leaves the reader, in errors neither.

    Args:
        path: Folder, searched with all folders in it; or one file, which chooses among the series beside it.
        frame_interval_s: Time between frames [s]; overrides the header's times, but not their order.

    Raises:
        Excluded: Nothing here is a perfusion scan, more than one is, or it is damaged or incomplete.
    """
    if not path.exists():
        raise Excluded("reading", f"scan {path.name} does not exist; correct its path in the manifest")
    folder, named = (path, None) if path.is_dir() else (path.parent, path.name)
    frames = perfusion_frames(ct_files(folder), named)
    frames = without_copies(frames, stack_of(frames).slice_of)
    stack = stack_of(frames)
    acquired = _times(frames, stack, frame_interval_s is not None)
    rows = rows_of(acquired, stack.slice_of)
    times = np.full((rows.max() + 1, stack.n_slices), np.nan)
    times[rows, stack.slice_of] = acquired - acquired.min()
    if frame_interval_s is not None:
        times[rows, stack.slice_of] = rows * frame_interval_s
    hu = _volume(frames, stack, rows)
    _fill(hu, times)
    return CTPScan(hu, times, stack.spacing, stack.first_mm)


def _times(frames: Sequence[Frame], stack: Stack, order_only: bool) -> Float[np.ndarray, " frame"]:
    """When each frame was acquired [s], or, if only the order is asked for, a number that grows with it."""
    if np.bincount(stack.slice_of).min() < 2:
        raise Excluded(
            "reading", f"each slice must have two or more frames, got one (file {_loner(frames, stack)}); remove it"
        )
    values = [frame.times for frame in frames]
    clock = believed(values, stack.slice_of)
    times = None if clock is None else shown(values, clock)
    if times is None and order_only:
        return _order(frames, stack.slice_of)
    if times is None:
        raise Excluded(
            "timing",
            f"no time in the headers tells the frames of every slice apart (file {frames[0].name}); "
            "give frame_interval_s in the manifest",
        )
    return times


def _loner(frames: Sequence[Frame], stack: Stack) -> str:
    alone = int(np.bincount(stack.slice_of).argmin())
    return frames[int(np.flatnonzero(stack.slice_of == alone)[0])].name


def _order(frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """Temporal position, or else acquisition number, or else each frame's rank in its slice by number or name."""
    for column in list(zip(*(frame.numbers for frame in frames), strict=True))[:2]:
        if None not in column and told_apart(np.array(column), slice_of):
            return np.array(column)
    n_frames = np.bincount(slice_of)
    if n_frames.min() < n_frames.max():
        raise Excluded(
            "timing",
            f"slices must have equally many frames where the headers do not tell when they belong, got "
            f"{n_frames.min()} to {n_frames.max()} (file {frames[0].name}); export the scan again",
        )
    ranks = np.empty(len(frames))
    order = np.lexsort((_places(frames, slice_of), slice_of))
    ranks[order] = np.tile(np.arange(n_frames[0], dtype=np.float64), len(n_frames))
    return ranks


def _places(frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """Instance numbers, or, where they do not tell a slice's frames apart, places in the order of file names."""
    numbers = [frame.numbers[2] for frame in frames]
    if None not in numbers and told_apart(np.array(numbers), slice_of):
        return np.array(numbers)
    places = np.empty(len(frames))
    places[sorted(range(len(frames)), key=lambda k: (_natural(frames[k].name), frames[k].index))] = range(len(frames))
    return places


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A name whose numbers compare as numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))


def _volume(
    frames: Sequence[Frame], stack: Stack, rows: Int[np.ndarray, " frame"]
) -> Float32[np.ndarray, "time slice height width"]:
    """All frames in their places, decoded one after the other; others are left as they are."""
    shape = frames[0].shape[::-1] if stack.swapped else frames[0].shape
    hu = _room((int(rows.max()) + 1, stack.n_slices, *shape), frames[0].name)
    places = {(frame.name, frame.index): place for frame, *place in zip(frames, rows, stack.slice_of, strict=True)}
    in_files = sorted(frames, key=attrgetter("name", "index"))
    for _, of_file in groupby(in_files, key=attrgetter("name")):
        part = list(of_file)
        for frame, image in zip(part, hu_images(part), strict=True):
            row, level = places[frame.name, frame.index]
            hu[row, level] = stack.in_patient_axes(_upright(image, stack.shifts[level]))
    return hu


def _room(shape: tuple[int, ...], name: str) -> Float32[np.ndarray, "time slice height width"]:
    try:
        return np.empty(shape, dtype=np.float32)
    except MemoryError:
        gigabytes = 4 * np.prod(shape, dtype=np.float64) / 1e9
        raise Excluded(
            "reading", f"scan must fit into memory, got {gigabytes:.0f} GB (file {name}); reconstruct thicker slices"
        ) from None


def _upright(
    image: Float32[np.ndarray, "rows columns"], pixels: Float[np.ndarray, "2"]
) -> Float32[np.ndarray, "rows columns"]:
    return shift(image, pixels, order=1, mode="constant", cval=AIR_HU) if pixels.any() else image


def _fill(hu: Float32[np.ndarray, "time slice height width"], times: Float[np.ndarray, "time slice"]) -> None:
    """Interpolate, in place, frames that were not acquired from their slice's neighbours in time."""
    expected = expected_times(times)
    for row, level in np.argwhere(np.isnan(times)):
        acquired = np.flatnonzero(~np.isnan(times[:, level]))
        at = np.interp(expected[row, level], times[acquired, level], np.arange(len(acquired)))
        before, after = acquired[int(np.floor(at))], acquired[int(np.ceil(at))]
        weight = np.float32(at % 1)
        hu[row, level] = (1 - weight) * hu[before, level] + weight * hu[after, level]
