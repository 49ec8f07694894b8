"""The midline of the head: the axis about which its slices are most symmetric.

The outline alone does not show it: brains may be as wide as long. The ventricles and the fissure between the
hemispheres decide there (Tuzikov et al., Pattern Recognition Letters 2003, find the midsagittal plane by symmetry).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import gaussian_filter, map_coordinates

_RANGE_DEG = 45.0
"""A head that lies on its back turns less than this to either side."""
_COARSE_DEG, _FINE_DEG = 5.0, 1.0
_GRID_MM = 4.0
_HALF_FIELD_MM = 120.0
"""The grid reaches this far from the brain's centre."""
_SMOOTHING_MM = 3.0
_CONTRAST_HU = 30.0
"""Attenuation is cut to this difference from its median, so that calcifications and bone do not decide."""
_OUTLINE_HU = 10.0
"""By which the brain differs from its outside: less than ventricles differ from tissue, so that they decide."""
_SLICES = 8
"""More slices cost time without better accuracy."""
_LEAST_CONTRAST = 0.004
"""Least difference in symmetry between the best axis and the median one; below it the head looks alike on every
axis. A uniform disc reaches 0.001 at 6 HU of noise, a round one with ventricles 0.02, a head 0.1."""


@dataclass(frozen=True)
class Midline:
    """A line from the front to the back of the head, the same in all slices."""

    angle_deg: float
    """Between the line and the image's columns, positive where the back of the head lies to the patient's right."""
    row_mm: float
    column_mm: float
    """A point of it, from the centre of the first pixel: the brain's centre, moved onto the line [mm]."""
    found: bool
    """Whether the image shows it; otherwise it is the image's axis through the brain's centre."""

    def axes(
        self, shape: tuple[int, int], pixel_mm: tuple[float, float]
    ) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
        """Distance of each pixel to the left of the midline, and behind the brain's centre [mm].

        Args:
            shape: Rows and columns.
            pixel_mm: Distance between rows and columns [mm].
        """
        rows, columns = np.indices(shape).astype(np.float64)
        y, x = rows * pixel_mm[0] - self.row_mm, columns * pixel_mm[1] - self.column_mm
        cos, sin = self._direction
        return cos * x + sin * y, cos * y - sin * x

    def mirrored(
        self, volume: Float[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
    ) -> Float32[np.ndarray, "slice height width"]:
        """The volume with its sides exchanged; 0 where the other side lies outside the image.

        Args:
            volume: Slices in patient axes.
            pixel_mm: Distance between rows and columns [mm].
        """
        shape = (volume.shape[1], volume.shape[2])
        leftward, _ = self.axes(shape, pixel_mm)
        rows, columns = np.indices(shape).astype(np.float64)
        cos, sin = self._direction
        there = np.stack([rows - 2 * leftward * sin / pixel_mm[0], columns - 2 * leftward * cos / pixel_mm[1]])
        return np.stack([map_coordinates(plane.astype(np.float32), there, order=1) for plane in volume])

    @property
    def _direction(self) -> tuple[float, float]:
        angle = np.deg2rad(self.angle_deg)
        return float(np.cos(angle)), float(np.sin(angle))


def find_midline(
    baseline: Float[np.ndarray, "slice height width"],
    brain: Bool[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
) -> Midline:
    """The axis of the brain's best mirror symmetry, within 45° of the image's columns.

    Args:
        baseline: Attenuation without contrast, rows to posterior, columns to the patient's left [HU].
        brain: From `intracranial_mask`, not empty.
        pixel_mm: Distance between rows and columns [mm].
    """
    _, rows, columns = np.nonzero(brain)
    centre = (float(rows.mean() * pixel_mm[0]), float(columns.mean() * pixel_mm[1]))
    occupied = np.flatnonzero(brain.any(axis=(1, 2)))
    chosen = occupied[:: -(-len(occupied) // _SLICES)]
    sigma = (0, *(_SMOOTHING_MM / mm for mm in pixel_mm))
    relative = np.clip(baseline - np.median(baseline[brain]), -_CONTRAST_HU, _CONTRAST_HU)
    image = gaussian_filter(((relative + _OUTLINE_HU) * brain)[chosen].astype(np.float32), sigma)
    coarse = np.arange(-_RANGE_DEG, _RANGE_DEG + 1e-6, _COARSE_DEG)
    symmetry = np.array([_symmetry(image, centre, angle, pixel_mm)[0] for angle in coarse])
    best = int(symmetry.argmax())
    contrast = symmetry[best] - np.median(symmetry)
    if best in (0, len(coarse) - 1) or contrast < _LEAST_CONTRAST:
        return Midline(0.0, *centre, found=False)
    fine = coarse[best] + np.arange(-_COARSE_DEG, _COARSE_DEG + 1e-6, _FINE_DEG)
    scored = [(*_symmetry(image, centre, angle, pixel_mm), float(angle)) for angle in fine]
    _, offset, angle = max(scored)
    turn = np.deg2rad(angle)
    row, column = centre[0] + offset * np.sin(turn), centre[1] + offset * np.cos(turn)
    return Midline(angle, float(row), float(column), found=True)


def _symmetry(
    image: Float32[np.ndarray, "slice height width"],
    centre: Sequence[float],
    angle_deg: float,
    pixel_mm: tuple[float, float],
) -> tuple[float, float]:
    """Largest share of the image's energy that agrees with its mirror image, and the mirror's offset [mm].

    The image is 0 outside the brain. Its autoconvolution along an axis therefore compares it with all its mirror
    images at once, and the largest value belongs to the least sum of squared differences.
    """
    steps = np.arange(-_HALF_FIELD_MM, _HALF_FIELD_MM + 1e-6, _GRID_MM)
    v, u = np.meshgrid(steps, steps, indexing="ij")
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    at = np.stack([(centre[0] + sin * u + cos * v) / pixel_mm[0], (centre[1] + cos * u - sin * v) / pixel_mm[1]])
    turned = np.stack([map_coordinates(plane, at, order=1) for plane in image])
    spectrum = np.fft.rfft(turned, 2 * len(steps), axis=-1)
    agreement = np.fft.irfft(np.sum(spectrum**2, axis=(0, 1)), 2 * len(steps))
    energy = float(np.sum(turned**2))
    if energy == 0:
        return 0.0, 0.0
    best = int(agreement.argmax())
    before, here, after = agreement[best - 1], agreement[best], agreement[(best + 1) % len(agreement)]
    curvature = before - 2 * here + after
    shift = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float(here - curvature * shift**2 / 2) / energy, float((best + shift) / 2 * _GRID_MM - _HALF_FIELD_MM)
