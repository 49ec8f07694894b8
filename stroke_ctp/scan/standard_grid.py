"""A scan's levels on the standard pixel grid, the head centred and its motion corrected."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from stroke_ctp.common.blas import one_blas_thread
from stroke_ctp.common.geometry import AIR_HU, N_PIXELS, PIXEL_MM
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.head import head_centre_mm
from stroke_ctp.scan.quality import noise_sd_hu
from stroke_ctp.scan.registration import Motion, estimate_motion, is_thick
from stroke_ctp.scan.resampling import SlabFrames, resample_frame, slice_pixels
from stroke_ctp.scan.time_resampling import count_needed_frames, to_standard_times

_FWHM_PER_SIGMA = 2.3548
_FINEST_MM = PIXEL_MM / 2
"""Smallest working pixel: fine enough that a second interpolation costs no resolution."""


def downsample_frames(
    hu: Float[np.ndarray, "time slice height width"], spacing: tuple[float, float, float]
) -> SlabFrames:
    """Smooth a scan in its planes to the standard resolution, in pixels no finer than half a standard one.

    Args:
        hu: Frames in patient axes [HU].
        spacing: Between slices, rows and columns [mm].

    Returns:
        Frames whose planes are centred at 0 and whose first slice lies at 0.
    """
    rows, row_mm = _smoothing(hu.shape[2], spacing[1])
    columns, column_mm = _smoothing(hu.shape[3], spacing[2])
    working = np.empty((*hu.shape[:2], len(rows), len(columns)), np.float32)
    with one_blas_thread():
        for index in np.ndindex(hu.shape[:2]):
            # scanners fill pixels outside the field of view with values below air
            working[index] = rows @ np.maximum(hu[index], AIR_HU).astype(np.float32) @ columns.T
    first = (0.0, -(len(rows) - 1) / 2 * row_mm, -(len(columns) - 1) / 2 * column_mm)
    return SlabFrames(working, (spacing[0], row_mm, column_mm), first)


def to_standard_grid(
    volumes: SlabFrames, levels: list[int]
) -> tuple[list[Float32[np.ndarray, "time 128 128"]], list[Motion]]:
    """Register every frame to the first and resample levels, once, to the standard grid.

    Args:
        volumes: From `downsample_frames`.
        levels: Slices to be resampled.

    Returns:
        For each level its frames on the grid [HU], air outside the scan, and the corrected motion.
    """
    centres = [_centre(volumes, level) for level in levels]
    motions = estimate_slice_motions(volumes, levels)
    frames = []
    for level, centre, motion in zip(levels, centres, motions, strict=True):
        points = _grid_points(volumes, level, centre)
        resampled = [resample_frame(volumes, time, points, rigid) for time, rigid in enumerate(motion.rigid)]
        frames.append(np.stack(resampled).reshape(-1, N_PIXELS, N_PIXELS))
    return frames, motions


@dataclass(frozen=True)
class StandardSlices:
    """All slices of a registered scan as the levels of a standard series, and the way back."""

    hu: Float32[np.ndarray, "slice 32 128 128"]
    """At the standard times, the head centred [HU]."""
    noise_hu: Float[np.ndarray, " slice"]
    """SD at standard pixels [HU]; NaN in slices without soft tissue."""
    _back: tuple[tuple[Float32[np.ndarray, "height 128"], Float32[np.ndarray, "128 width"]], ...]
    """Weights of a map's rows and columns in each slice of the scan."""

    @classmethod
    def of(cls, scan: CTPScan) -> "StandardSlices":
        """Resample a scan.

        Args:
            scan: Its frames registered, all its slices acquired at the same times.
        """
        times = scan.times[:, 0]
        needed = count_needed_frames(times)
        volumes = downsample_frames(scan.hu[:needed], scan.spacing)
        frames, noise, back = [], [], []
        for index in range(scan.hu.shape[1]):
            centre = _centre(volumes, index)
            on_grid = _on_grid(_slice(volumes, index), centre).hu[:, 0]
            noise.append(noise_sd_hu(on_grid, times[:needed]))
            frames.append(to_standard_times(on_grid, times[:needed]))
            rows, columns = (
                _from_grid(n, spacing, offset)
                for n, spacing, offset in zip(scan.hu.shape[2:], scan.spacing[1:], centre, strict=True)
            )
            back.append((rows, columns.T))
        return cls(np.stack(frames), np.array(noise), tuple(back))

    def to_scan(self, maps: Float32[np.ndarray, "slice 128 128"]) -> Float32[np.ndarray, "slice height width"]:
        """Maps of these slices in the geometry of the scan, interpolated linearly; 0 outside the standard field."""
        return np.stack([rows @ image @ columns for image, (rows, columns) in zip(maps, self._back, strict=True)])


def on_scan_grid(
    scan: CTPScan, level: int, image: Float32[np.ndarray, "128 128"]
) -> Float32[np.ndarray, "height width"]:
    """A map of one level in the geometry of its scan, interpolated linearly; 0 outside the standard field.

    Args:
        scan: As read; its first frame is the one to which all others were registered.
        level: The slice.
        image: On the standard grid.
    """
    centre = _centre(downsample_frames(scan.hu[:1], scan.spacing), level)
    rows, columns = (
        _from_grid(n, spacing, offset)
        for n, spacing, offset in zip(scan.hu.shape[2:], scan.spacing[1:], centre, strict=True)
    )
    return rows @ image @ columns.T


def estimate_slice_motions(volumes: SlabFrames, levels: list[int]) -> list[Motion]:
    """Estimate head motion for some slices: one motion for all in a thick slab, one per slice in a thin slab.

    Args:
        volumes: From `downsample_frames`.
        levels: The slices.
    """
    if is_thick(volumes.hu.shape[1], volumes.spacing[0]):
        return [estimate_motion(_on_grid(volumes, _centre(volumes, levels[0])))] * len(levels)
    return [estimate_motion(_on_grid(_slice(volumes, level), _centre(volumes, level))) for level in levels]


def _smoothing(n: int, spacing_mm: float) -> tuple[Float32[np.ndarray, "working n"], float]:
    """Weights from a row's pixels to the working pixels, and the spacing of the latter [mm]."""
    working_mm = max(spacing_mm, _FINEST_MM)
    n_working = n if working_mm == spacing_mm else int(n * spacing_mm / working_mm)
    # widens a pixel's full width at half maximum to that of a standard pixel
    sigma = np.sqrt(max(0.0, PIXEL_MM**2 - spacing_mm**2)) / _FWHM_PER_SIGMA
    if sigma == 0:
        return np.eye(n, dtype=np.float32), spacing_mm
    distance = _centred(n_working, working_mm)[:, None] - _centred(n, spacing_mm)
    weights = np.exp(-0.5 * (distance / sigma) ** 2)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    # Subnormal numbers add nothing to a sum of attenuations, and processors are ten times as slow with them.
    weights[weights < np.finfo(np.float32).tiny] = 0
    return weights, working_mm


def _centred(n: int, spacing_mm: float) -> Float[np.ndarray, " n"]:
    return (np.arange(n) - (n - 1) / 2) * spacing_mm


def _centre(volumes: SlabFrames, level: int) -> tuple[float, float]:
    return head_centre_mm(volumes.hu[0, level], volumes.spacing[1:], PIXEL_MM)


def _slice(volumes: SlabFrames, level: int) -> SlabFrames:
    first = (volumes.first[0] + level * volumes.spacing[0], *volumes.first[1:])
    return SlabFrames(volumes.hu[:, level : level + 1], volumes.spacing, first)


def _on_grid(volumes: SlabFrames, centre: tuple[float, float]) -> SlabFrames:
    """All slices on the standard grid, without motion correction."""
    rows, columns = (
        _interpolation(n, spacing, offset)
        for n, spacing, offset in zip(volumes.hu.shape[2:], volumes.spacing[1:], centre, strict=True)
    )
    corner = float(_centred(N_PIXELS, PIXEL_MM)[0])
    with one_blas_thread():
        hu = rows @ volumes.hu @ columns.T
    return SlabFrames(
        hu,
        (volumes.spacing[0], PIXEL_MM, PIXEL_MM),
        (volumes.first[0], corner + centre[0], corner + centre[1]),
    )


def _interpolation(n: int, spacing_mm: float, offset_mm: float) -> Float32[np.ndarray, "128 n"]:
    """Weights of linear interpolation from a row's pixels to the grid's; the outermost pixels are repeated."""
    at = np.clip((_centred(N_PIXELS, PIXEL_MM) + offset_mm) / spacing_mm + (n - 1) / 2, 0, n - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n))).astype(np.float32)


def _from_grid(n: int, spacing_mm: float, offset_mm: float) -> Float32[np.ndarray, "n 128"]:
    """Weights of linear interpolation from the grid's pixels to a row's; 0 outside the grid."""
    at = (_centred(n, spacing_mm) - offset_mm) / PIXEL_MM + (N_PIXELS - 1) / 2
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(N_PIXELS))).astype(np.float32)


def _grid_points(volumes: SlabFrames, level: int, centre: tuple[float, float]) -> Float[np.ndarray, "point 3"]:
    """Positions (x, y, z) of the grid's pixels in a level [mm]."""
    corner = float(_centred(N_PIXELS, PIXEL_MM)[0])
    first = (volumes.first[0], corner + centre[0], corner + centre[1])
    spacing = (volumes.spacing[0], PIXEL_MM, PIXEL_MM)
    return slice_pixels(level, (N_PIXELS, N_PIXELS), spacing, first)
