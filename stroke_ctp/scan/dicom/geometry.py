"""Geometry of the slices of an acquisition: depth along their normal, patient axes, gantry tilt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.ctp_scan import Placement
from stroke_ctp.scan.dicom.frame_headers import Frame

_JITTER_MM = (0.1, 0.25, 0.5, 1.0)
"""Tolerances for the table's return to a slice; the first under which slices are evenly spaced is used."""
_IN_PLANE_MM = 0.5
"""Largest shift between the frames of a slice."""
_LEAST_SHIFT_MM = 0.1
_MAX_TILT_DEG = 31.0
"""Gantries tilt by up to 30°."""


@dataclass(frozen=True)
class SliceStack:
    """The slices of an acquisition, counted from inferior to superior."""

    slice_of: Int[np.ndarray, " frame"]
    first_mm: float
    """Position of the most inferior slice along the normal, which points up [mm]."""
    spacing: tuple[float, float, float]
    """Distance between slices, rows and columns in patient axes [mm]."""
    shifts: Float[np.ndarray, "slice 2"]
    """Shift of each slice along stored rows and columns that corrects the gantry tilt [pixel]."""
    swapped: bool
    """Whether stored rows run from left to right."""
    flips: tuple[int, ...]
    """Axes of the image, after swapping, that run to anterior or to the right."""
    placement: Placement
    """Position of the slices in patient axes, with tilt corrected."""

    @property
    def n_slices(self) -> int:
        """Different positions along the normal."""
        return len(self.shifts)

    def in_patient_axes(self, image: Shaped[np.ndarray, "rows columns"]) -> Shaped[np.ndarray, "height width"]:
        """A stored image with rows from anterior to posterior and columns from the patient's right to left."""
        return np.flip(image.T if self.swapped else image, self.flips)


def stack_slices(frames: Sequence[Frame]) -> SliceStack:
    """The slices of an acquisition's frames.

    With a tilted gantry, the table does not move along the slices' normal: successive slices are displaced in their
    plane by tan(tilt) of their distance. `shifts` corrects displacements above 0.1 mm.

    Raises:
        Excluded: Frames have different grids, or slices are not axial, unevenly spaced, or tilted too far.
    """
    _require_same_grid(frames)
    across, down = np.array(frames[0].orientation).reshape(2, 3)
    swapped, flips = _patient_axes(across, down, frames[0].name)
    depth = slice_depths(frames)
    slice_of = even_slices(depth)
    if slice_of is None:
        raise Excluded("reading", _unevenness(frames, depth))
    positions = np.array([frame.position for frame in frames])
    in_plane = np.stack([positions @ down, positions @ across], axis=1)
    shifts = _shifts_mm(in_plane, depth, slice_of, frames)
    centres = _means(depth, slice_of)
    thickness = frames[0].thickness or frames[0].spacing[0]
    distance = np.ptp(centres) / (len(centres) - 1) if len(centres) > 1 else thickness
    rows, columns = frames[0].spacing
    spacing = (float(distance), columns, rows) if swapped else (float(distance), rows, columns)
    corner = _corner(in_plane, slice_of, frames[0]) + float(centres[0]) * _upwards(frames[0])
    placement = _placement(frames[0], corner, swapped, flips)
    return SliceStack(slice_of, float(centres[0]), spacing, shifts / (rows, columns), swapped, flips, placement)


def slice_depths(frames: Sequence[Frame]) -> Float[np.ndarray, " frame"]:
    """Position of each frame along the normal of the first, which points up [mm]."""
    return np.array([frame.position for frame in frames]) @ _upwards(frames[0])


def even_slices(depth: Float[np.ndarray, " frame"]) -> Int[np.ndarray, " frame"] | None:
    """Index of each frame's slice; None if positions are not evenly spaced under any tolerance.

    Args:
        depth: Position of each frame along the normal [mm].
    """
    for jitter in _JITTER_MM:
        slice_of = slices_within(depth, jitter)
        centres, extents = _means(depth, slice_of), _extents(depth, slice_of)
        gaps = np.diff(centres)
        usual = np.median(gaps) if len(gaps) else np.inf
        even = len(gaps) == 0 or np.abs(gaps - usual).max() <= max(jitter, 0.02 * usual)
        if even and extents.max() <= jitter and usual >= 2 * jitter:
            return slice_of
    return None


def slices_within(depth: Float[np.ndarray, " frame"], jitter: float = _JITTER_MM[0]) -> Int[np.ndarray, " frame"]:
    """Index of each frame's slice: positions [mm] within the jitter belong to one slice."""
    order = np.argsort(depth, kind="stable")
    slice_of = np.empty(len(depth), dtype=np.int64)
    slice_of[order] = np.concatenate([[0], np.cumsum(np.diff(depth[order]) > jitter)])
    return slice_of


def _means(values: Float[np.ndarray, " frame"], slice_of: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " slice"]:
    return np.bincount(slice_of, values) / np.bincount(slice_of)


def _extents(values: Float[np.ndarray, " frame"], slice_of: Int[np.ndarray, " frame"]) -> Float[np.ndarray, " slice"]:
    lowest, highest = np.full(slice_of.max() + 1, np.inf), np.full(slice_of.max() + 1, -np.inf)
    np.minimum.at(lowest, slice_of, values)
    np.maximum.at(highest, slice_of, values)
    return highest - lowest


def _require_same_grid(frames: Sequence[Frame]) -> None:
    first = frames[0]
    for frame in frames:
        for what, same in (
            ("rows and columns", frame.shape == first.shape),
            ("pixel spacing", np.allclose(frame.spacing, first.spacing, rtol=1e-3, atol=0)),
            ("orientation", np.allclose(frame.orientation, first.orientation, rtol=0, atol=1e-3)),
        ):
            if not same:
                raise Excluded(
                    "reading",
                    f"frames of a scan must have the same {what}, got others in {frame.name} than in {first.name}; "
                    "remove what does not belong to it",
                )


def _patient_axes(
    across: Float[np.ndarray, "3"], down: Float[np.ndarray, "3"], name: str
) -> tuple[bool, tuple[int, ...]]:
    """Whether to swap rows and columns, and which axes to flip afterwards."""
    axial = np.abs(np.cross(across, down)).argmax() == 2
    swapped = bool(abs(across[1]) > abs(across[0]))
    rows, columns = (across, down) if swapped else (down, across)
    if not axial:
        raise Excluded("reading", f"slices must be axial, got another orientation (file {name}); give the axial series")
    return swapped, tuple(axis for axis, runs_back in ((0, rows[1] < 0), (1, columns[0] < 0)) if runs_back)


def _upwards(frame: Frame) -> Float[np.ndarray, "3"]:
    """Normal of a frame, towards superior."""
    normal = np.cross(*np.array(frame.orientation).reshape(2, 3))
    return normal if normal[2] >= 0 else -normal


def _corner(
    in_plane: Float[np.ndarray, "frame 2"], slice_of: Int[np.ndarray, " frame"], frame: Frame
) -> Float[np.ndarray, "3"]:
    """Position of the first stored pixel of the middle slice in its plane [mm]; other slices are shifted to match."""
    across, down = np.array(frame.orientation).reshape(2, 3)
    below, beside = (_means(axis, slice_of)[(slice_of.max() + 1) // 2] for axis in in_plane.T)
    return below * down + beside * across


def _placement(frame: Frame, corner: Float[np.ndarray, "3"], swapped: bool, flips: tuple[int, ...]) -> Placement:
    """Placement of a volume in patient axes, from its first stored pixel [mm] (DICOM PS3.3, C.7.6.2.1.1)."""
    stored = np.array(frame.orientation).reshape(2, 3)[::-1]  # along which row and column indices grow
    axes = list(zip(stored, frame.shape, frame.spacing, strict=True))
    grown = []
    for number, (axis, n, mm) in enumerate(reversed(axes) if swapped else axes):
        if number in flips:
            corner = corner + axis * mm * (n - 1)
        grown.append(-axis if number in flips else axis)
    # Headers round direction cosines; viewers accept exactly orthogonal ones only.
    left, _, right = np.linalg.svd(np.stack([grown[1], grown[0], _upwards(frame)], axis=1))
    return Placement(corner, left @ right)


def _unevenness(frames: Sequence[Frame], depth: Float[np.ndarray, " frame"]) -> str:
    """Reason that names the slice distance that differs most from the others."""
    slice_of = slices_within(depth)
    centres = _means(depth, slice_of)
    gaps = np.diff(centres)
    usual = float(np.median(gaps))
    worst = int(np.abs(gaps - usual).argmax())
    name = frames[int(np.flatnonzero(slice_of == worst)[0])].name
    return (
        f"slices must be evenly spaced, got {gaps[worst]:.4g} mm from slice {worst} (file {name}) to the next and "
        f"{usual:.4g} mm elsewhere; export the missing slices, or remove those that do not belong to the scan"
    )


def _shifts_mm(
    in_plane: Float[np.ndarray, "frame 2"],
    depth: Float[np.ndarray, " frame"],
    slice_of: Int[np.ndarray, " frame"],
    frames: Sequence[Frame],
) -> Float[np.ndarray, "slice 2"]:
    """Displacement of each slice from the middle one along rows and columns [mm]; 0 if negligible."""
    wandering = max(float(_extents(axis, slice_of).max()) for axis in in_plane.T)
    if wandering > _IN_PLANE_MM:
        raise Excluded(
            "reading",
            f"frames of a slice must have one in-plane position, got positions {wandering:.3g} mm apart "
            f"(file {frames[0].name}); "
            "reconstruct all with one centre",
        )
    centres = np.stack([_means(axis, slice_of) for axis in in_plane.T], axis=1)
    shifts = centres - centres[len(centres) // 2]
    if np.abs(shifts).max() <= _LEAST_SHIFT_MM:
        return np.zeros_like(shifts)
    tilt = float(np.degrees(np.arctan2(np.hypot(*(centres[-1] - centres[0])), np.ptp(depth))))
    if tilt > _MAX_TILT_DEG:
        raise Excluded(
            "reading",
            f"slices must lie above each other up to a gantry tilt of {_MAX_TILT_DEG:g}°, got {tilt:.3g}° "
            f"(file {frames[0].name}); reconstruct the scan without it",
        )
    return shifts
