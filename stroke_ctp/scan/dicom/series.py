"""Selection of the perfusion acquisition among a folder's images: the one that repeats its slices."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom.clocks import choose_clock, clock_times, distinguishes_frames
from stroke_ctp.scan.dicom.ct_files import ImageFile
from stroke_ctp.scan.dicom.frame_headers import Frame, read_frames
from stroke_ctp.scan.dicom.geometry import even_slices, slice_depths, slices_within
from stroke_ctp.scan.dicom.header_fields import HeaderFields

_LONGEST_PAUSE_S = 60.0
"""Between parts of one acquisition; a second bolus follows minutes later."""
_MULTIPHASE_FRAMES = 4
"""An acquisition with up to this many frames is a multi-phase CT angiography if another one has more."""

Refusals = list[tuple[str, Excluded]]
"""Series and reason of each file whose header is unusable."""


def perfusion_frames(files: Sequence[ImageFile], named: str | None = None) -> list[Frame]:
    """The frames of the one perfusion acquisition among a folder's images.

    It repeats its slices in time. Acquisitions with more slices and frames take precedence over bolus tracking (one
    slice) and multi-phase angiography (few frames). Series that an archive has split are merged.

    Args:
        files: All CT images of the folder.
        named: File, relative to the folder, that selects its acquisition; default: the only one.

    Raises:
        Excluded: There is none, there are several, or a header of it is unusable.
    """
    frames, refusals = _read(files)
    acquisitions = merge_series(frames)
    if named is not None:
        chosen = next((part for part in acquisitions if any(frame.name == named for frame in part)), None)
        if chosen is None:
            raise _first_reason(refusals, named) or Excluded(
                "reading", f"scan must be a CT image or a folder of them, got {named}; give one of these"
            )
    else:
        chosen = _only_perfusion(acquisitions, frames, refusals)
    _require_no_refusal(chosen, refusals)
    return chosen


def merge_series(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Frames by acquisition: series of one protocol and grid that differ in time or in slices are merged."""
    kind = attrgetter("series", "protocol")  # an archive may have joined two reconstructions in one series
    parts = sorted((list(part) for _, part in groupby(sorted(frames, key=kind), key=kind)), key=_start)
    while len(fewer := _merged_once(parts)) < len(parts):
        parts = fewer
    return parts


def _merged_once(parts: Iterable[list[Frame]]) -> list[list[Frame]]:
    """Each part, in order of time, joined to the first earlier one that it continues."""
    acquisitions: list[list[Frame]] = []
    for part in parts:
        continued = next((k for k, whole in enumerate(acquisitions) if _continues(whole, part)), None)
        if continued is None:
            acquisitions.append(part)
        else:
            acquisitions[continued] = acquisitions[continued] + part
    return acquisitions


def _read(files: Sequence[ImageFile]) -> tuple[list[Frame], Refusals]:
    """Every frame once, even if files were copied, and the findings about unusable headers."""
    frames: dict[str, Frame] = {}
    refusals: Refusals = []
    for file in files:
        try:
            for frame in read_frames(file):
                frames.setdefault(frame.instance, frame)
        except Excluded as reason:
            refusals.append((HeaderFields(file.name, (file.header,)).text("SeriesInstanceUID"), reason))
    return list(frames.values()), refusals


def _start(frames: Sequence[Frame]) -> tuple[float, float, str]:
    """Start of a series by the first clock that its frames have, its lowest slice and its first file."""
    clocks = zip(*(frame.times for frame in frames), strict=True)
    start = next((min(times) for times in clocks if None not in times), 0.0)
    return start, float(slice_depths(frames).min()), min(frame.name for frame in frames)


def _continues(acquisition: Sequence[Frame], series: Sequence[Frame]) -> bool:
    """Whether a series is a part of an acquisition: a later time of its slices or another share of them."""
    a, b = acquisition[0], series[0]
    grid_a, grid_b = (np.array([*frame.orientation, *frame.spacing, *frame.shape]) for frame in (a, b))
    if a.protocol != b.protocol or not np.allclose(grid_a, grid_b, rtol=1e-3, atol=1e-3):
        return False
    both = [*acquisition, *series]
    slice_of = even_slices(slice_depths(both))
    if slice_of is None:
        return False
    first = np.arange(len(both)) < len(acquisition)
    times = _common_times(both, slice_of, first)
    if times is None:
        return False
    shared = np.isin(slice_of, np.intersect1d(slice_of[first], slice_of[~first]))
    if shared.any() and not distinguishes_frames(times, slice_of):
        return False
    return (bool(shared.any()) or _repeats(slice_of)) and _pause_s(times[first], times[~first]) <= _LONGEST_PAUSE_S


def _pause_s(a: Float[np.ndarray, " one"], b: Float[np.ndarray, " other"]) -> float:
    """Time between the end of one part and the start of the other [s], negative if they overlap."""
    return float(max(b.min() - a.max(), a.min() - b.max()))


def _common_times(
    frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"], first: Bool[np.ndarray, " frame"]
) -> Float[np.ndarray, " frame"] | None:
    """Times of two parts by the clock of one part [s]: two reconstructions differ in later clocks only."""
    values = [frame.times for frame in frames]
    for part in (first, ~first):
        if _repeats(slice_of[part]):
            clock = choose_clock([values[k] for k in np.flatnonzero(part)], slice_of[part])
            break
    else:
        clock = choose_clock(values, slice_of)
    return None if clock is None else clock_times(values, clock)


def _repeats(slice_of: Int[np.ndarray, " frame"]) -> bool:
    """Whether most slices have two frames or more."""
    return bool(np.median(np.unique(slice_of, return_counts=True)[1]) > 1)


def _only_perfusion(acquisitions: Sequence[list[Frame]], frames: Sequence[Frame], refusals: Refusals) -> list[Frame]:
    sizes = [_size(part) for part in acquisitions]
    found = [k for k, (_, n_frames) in enumerate(sizes) if n_frames > 1]
    for enough in (lambda size: size[0] > 1, lambda size: size[1] > _MULTIPHASE_FRAMES):
        found = [k for k in found if enough(sizes[k])] or found
    if len(found) == 1:
        return acquisitions[found[0]]
    if not found:
        raise _first_reason(refusals) or Excluded(
            "reading",
            f"scan must repeat its slices in time (4D), got {len(frames)} images at different positions; "
            "give the perfusion series, or leave the scan out",
        )
    listed = ", ".join(
        f"{min(frame.name for frame in acquisitions[k])} ({sizes[k][0]} slices × {sizes[k][1]} frames)" for k in found
    )
    raise Excluded(
        "reading",
        f"folder must hold one series that repeats its slices, got {len(found)}: {listed}; "
        "give one of these files as scan",
    )


def _size(frames: Sequence[Frame]) -> tuple[int, int]:
    """Number of slices, and median number of frames."""
    depth = slice_depths(frames)
    slice_of = even_slices(depth)
    counts = np.bincount(slices_within(depth) if slice_of is None else slice_of)
    return len(counts), int(np.median(counts))


def _first_reason(refusals: Refusals, named: str = "") -> Excluded | None:
    return next((reason for _, reason in refusals if named in reason.reason), None)


def _require_no_refusal(chosen: Sequence[Frame], refusals: Refusals) -> None:
    """Raise the finding about the chosen acquisition, or about an unknown or equally large series."""
    series = {frame.series for frame in chosen}
    n_files = len({frame.name for frame in chosen})
    n_refused = Counter(refused for refused, _ in refusals)
    for refused, reason in refusals:
        if refused in series or not refused or n_refused[refused] >= n_files:
            raise reason
