"""Simulated CT acquisition: slices, frames, motion, noise."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from stroke_ctp.phantom.head_motion import source_points
from stroke_ctp.phantom.smooth_field import Grid

SCANNER_PIXEL_MM = 1.5
SCANNER_MATRIX = 160
PLANE_MM = 2.5
"""Distance of the thin planes from which slices are averaged."""
_MARGIN_MM = 20.0
"""Rendered below and above the outermost slices, for head motion."""
_BLUR_PIXELS = 0.5
"""Standard deviation of the scanner's point spread in the plane."""
_NOISE_CORRELATION_PIXELS = 0.7


@dataclass(frozen=True)
class Protocol:
    """Acquisition protocol of one slab."""

    slices: tuple[float, ...]
    """Centre of each slice above the basal ganglia level, evenly spaced [mm]."""
    thickness: float
    """Of a slice [mm]."""
    n_frames: int
    interval: float
    """Between frames [s]."""
    noise: float
    """Standard deviation after resampling to standard pixels [HU]."""

    @property
    def times(self) -> Float[np.ndarray, " time"]:
        """Acquisition times [s]."""
        return np.arange(self.n_frames) * self.interval


def rendering_grid(protocol: Protocol) -> Grid:
    """Points at which the head is rendered for a slab: every pixel, in thin planes."""
    in_plane = (np.arange(SCANNER_MATRIX) - (SCANNER_MATRIX - 1) / 2) * SCANNER_PIXEL_MM
    low = protocol.slices[0] - protocol.thickness / 2 - _MARGIN_MM
    high = protocol.slices[-1] + protocol.thickness / 2 + _MARGIN_MM
    return Grid(z=np.arange(low + PLANE_MM / 2, high, PLANE_MM), y=in_plane, x=in_plane)


def acquire(
    baseline: Float[np.ndarray, "z y x"],
    amounts: Float[np.ndarray, "curve z y x"],
    curves: Float[np.ndarray, "curve time"],
    protocol: Protocol,
    motion: Float[np.ndarray, "time 6"] | None,
    random: np.random.Generator,
) -> Float[np.ndarray, "time slice height width"]:
    """Frames of one slab [HU].

    Args:
        baseline: Attenuation without contrast on `rendering_grid(protocol)` [HU].
        amounts: Weight of each curve at each point.
        curves: Enhancement at the protocol's times [HU].
        protocol: Slices, timing and noise.
        motion: Of each frame, from `head_motion.draw_motion`.
        random: For the noise.
    """
    volume = np.concatenate([baseline[None], amounts])
    weights = np.concatenate([np.ones((1, protocol.n_frames), np.float32), curves.astype(np.float32)])
    if motion is None:
        at = np.round(_plane_index(np.asarray(protocol.slices), protocol)).astype(int)
        frames = np.einsum("ct,cszx->tszx", weights, _blurred(volume, at, protocol), optimize=True)
    else:
        volume = _blurred(volume, np.arange(volume.shape[1] - _n_planes(protocol) + 1), protocol)
        moments = zip(weights.T, motion, strict=True)
        frames = np.stack([_moved(np.tensordot(w, volume, 1), protocol, moved) for w, moved in moments])
    return frames + protocol.noise * _unit_noise(frames.shape, random)


def _n_planes(protocol: Protocol) -> int:
    """Number of rendered planes per slice."""
    return round(protocol.thickness / PLANE_MM)


def _blurred(
    volume: Float[np.ndarray, "c z y x"], at: Int[np.ndarray, " slice"], protocol: Protocol
) -> Float[np.ndarray, "c slice y x"]:
    """Slices that begin at the given planes: mean over the thickness, point spread in the plane."""
    n_planes = _n_planes(protocol)
    averaged = reduce(np.add, (volume[:, at + k] for k in range(n_planes))) / np.float32(n_planes)
    for axis in (2, 3):
        averaged = gaussian_filter1d(averaged, _BLUR_PIXELS, axis=axis, truncate=3)
    return averaged


def _plane_index(z: Float[np.ndarray, " point"], protocol: Protocol) -> Float[np.ndarray, " point"]:
    """First plane of a slice at a position [mm above the basal ganglia level]; a whole number at protocol's slices."""
    first = rendering_grid(protocol).z[0] + (_n_planes(protocol) - 1) / 2 * PLANE_MM
    return (z - first) / PLANE_MM


def _moved(
    volume: Float[np.ndarray, "slicecentre y x"], protocol: Protocol, motion: Float[np.ndarray, " 6"]
) -> Float[np.ndarray, "slice y x"]:
    """Slices of the scanner through a moved head."""
    grid = rendering_grid(protocol)
    slices = np.asarray(protocol.slices, np.float32)
    points = np.stack(np.meshgrid(slices, grid.y, grid.x, indexing="ij"), axis=-1).astype(np.float32)
    z, y, x = source_points(points.reshape(-1, 3), motion).T
    index = (_plane_index(z, protocol), (y - grid.y[0]) / SCANNER_PIXEL_MM, (x - grid.x[0]) / SCANNER_PIXEL_MM)
    moved = map_coordinates(volume, np.stack(index), order=1, mode="nearest", output=np.float32)
    return moved.reshape(points.shape[:-1])


def _unit_noise(shape: tuple[int, ...], random: np.random.Generator) -> Float[np.ndarray, "time slice height width"]:
    """Noise correlated in the plane and independent between frames, of SD 1 at standard pixels."""
    white = random.standard_normal(shape, dtype=np.float32)
    correlated = gaussian_filter(white, (0, 0, _NOISE_CORRELATION_PIXELS, _NOISE_CORRELATION_PIXELS), truncate=3)
    return correlated / _NOISE_AT_STANDARD_PIXELS


def _noise_at_standard_pixels() -> float:
    """SD of the correlated noise of one white unit after linear resampling to standard pixels."""
    impulse = np.zeros((21, 21), np.float32)
    impulse[10, 10] = 1
    kernel = gaussian_filter(impulse, _NOISE_CORRELATION_PIXELS, truncate=3)
    autocorrelation = np.array([(kernel[:, : 21 - lag] * kernel[:, lag:]).sum() for lag in (0, 1)])
    autocorrelation /= autocorrelation[0]
    # Linear interpolation at a random phase averages two neighbours: 2/3 + ρ₁/3 of the variance per axis.
    per_axis = 2 / 3 + autocorrelation[1] / 3
    return float(np.sqrt((kernel**2).sum()) * per_axis)


_NOISE_AT_STANDARD_PIXELS = _noise_at_standard_pixels()
