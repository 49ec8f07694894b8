"""Reading of DICOM folders into patient axes: classic CT of any vendor and enhanced multi-frame CT."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.ndimage import shift

from stroke_ctp.common.geometry import AIR_HU
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.dicom.acquisition import find_acquisition
from stroke_ctp.scan.dicom.ct_files import silence_dicom_libraries
from stroke_ctp.scan.dicom.frame_headers import Frame
from stroke_ctp.scan.dicom.frame_times import acquisition_times
from stroke_ctp.scan.dicom.geometry import SliceStack
from stroke_ctp.scan.dicom.pixels import decode_hu
from stroke_ctp.scan.dicom.time_points import assign_time_points, expected_times
from stroke_ctp.scan.sizes import require_size


@silence_dicom_libraries()
def read_dicom(path: Path, frame_interval_s: float | None = None) -> CTPScan:
    """Read the CT perfusion acquisition of a folder into patient axes.

    Slices are counted from inferior to superior. Frames of a tilted gantry are shifted in their plane, by linear
    interpolation, to correct the tilt. No identifying value of a header leaves the reader, not even in errors.

    Args:
        path: Folder, searched recursively; or one file, which selects among the series of its folder.
        frame_interval_s: Time between frames [s]; overrides the header's times, but not their order.

    Raises:
        Excluded: No perfusion scan, more than one, or a damaged or incomplete one.
    """
    frames, stack = find_acquisition(path)
    acquired = acquisition_times(frames, stack.slice_of, order_suffices=frame_interval_s is not None)
    rows = assign_time_points(acquired, stack.slice_of)
    times = np.full((rows.max() + 1, stack.n_slices), np.nan)
    times[rows, stack.slice_of] = acquired - acquired.min()
    if frame_interval_s is not None:
        times[rows, stack.slice_of] = rows * frame_interval_s
    hu = _volume(frames, stack, rows)
    _fill_missing(hu, times)
    return CTPScan(hu, times, stack.spacing, stack.first_mm, placement=stack.placement)


def _volume(
    frames: Sequence[Frame], stack: SliceStack, rows: Int[np.ndarray, " frame"]
) -> Float32[np.ndarray, "time slice height width"]:
    """All frames at their time points and slices, decoded one by one; missing frames stay uninitialized."""
    shape = frames[0].shape[::-1] if stack.swapped else frames[0].shape
    hu = _allocate((int(rows.max()) + 1, stack.n_slices, *shape), frames[0].name)
    places = {(frame.name, frame.index): place for frame, *place in zip(frames, rows, stack.slice_of, strict=True)}
    in_files = sorted(frames, key=attrgetter("name", "index"))
    for _, of_file in groupby(in_files, key=attrgetter("name")):
        part = list(of_file)
        for frame, image in zip(part, decode_hu(part), strict=True):
            row, level = places[frame.name, frame.index]
            hu[row, level] = stack.in_patient_axes(_correct_tilt(image, stack.shifts[level]))
    return hu


def _allocate(shape: tuple[int, ...], name: str) -> Float32[np.ndarray, "time slice height width"]:
    require_size(shape, f"file {name}")
    try:
        return np.empty(shape, dtype=np.float32)
    except MemoryError:
        gigabytes = 4 * np.prod(shape, dtype=np.float64) / 1e9
        raise MemoryError(f"the scan of file {name} takes {gigabytes:.0f} GB") from None


def _correct_tilt(
    image: Float32[np.ndarray, "rows columns"], pixels: Float[np.ndarray, "2"]
) -> Float32[np.ndarray, "rows columns"]:
    return shift(image, pixels, order=1, mode="constant", cval=AIR_HU) if pixels.any() else image


def _fill_missing(hu: Float32[np.ndarray, "time slice height width"], times: Float[np.ndarray, "time slice"]) -> None:
    """Interpolate missing frames in place, from the neighbours in time of the same slice."""
    expected = expected_times(times)
    for row, level in np.argwhere(np.isnan(times)):
        acquired = np.flatnonzero(~np.isnan(times[:, level]))
        at = np.interp(expected[row, level], times[acquired, level], np.arange(len(acquired)))
        before, after = acquired[int(np.floor(at))], acquired[int(np.ceil(at))]
        weight = np.float32(at % 1)
        hu[row, level] = (1 - weight) * hu[before, level] + weight * hu[after, level]
