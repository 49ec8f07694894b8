"""Analytic heads and files written by nibabel: truth that does not come from the package."""

from pathlib import Path

import nibabel as nib
import numpy as np


def head(
    size: int = 128,
    field_mm: float = 200.0,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    angle_deg: float = 0.0,
    enhancement: float = 0.0,
) -> np.ndarray:
    """Skull, brain, ventricles and enhancing vessels [HU], moved along columns and rows."""
    fine = size * 2
    centres = (np.arange(fine) - (fine - 1) / 2) * field_mm / fine
    x, y = np.meshgrid(centres - shift_mm[0], centres - shift_mm[1])
    angle = np.deg2rad(angle_deg)
    u, v = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    radius = np.hypot(u / 75, v / 92)
    hu = np.where(radius < 1, 40.0, -1000.0)
    hu[radius < 0.95] = 900
    hu[radius < 0.88] = 32
    hu[np.hypot((np.abs(u) - 10) / 6, (v + 10) / 18) < 1] = 12
    for place in ((-20, -20), (25, -22), (0, -35), (0, 70)):
        hu[np.hypot(u - place[0], v - place[1]) < 3] = 45 + 20 * enhancement
    hu[radius < 0.88] += enhancement
    return hu.reshape(size, 2, size, 2).mean(axis=(1, 3))


def save_nifti(
    path: Path,
    frames: np.ndarray,
    spacing: tuple[float, float, float] = (5.0, 1.5625, 1.5625),
    axes: str = "LPS",
    step: float = 1.5,
    unit: str = "sec",
) -> Path:
    """Write frames [time, slice, row, column] in patient axes to a file whose axes run as the code says."""
    world = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "S": (2, 1), "I": (2, -1)}  # RAS+
    array = frames.transpose(3, 2, 1, 0)  # left, posterior, superior, time
    affine = np.eye(4)
    order, flips = [], []
    for file_axis, code in enumerate(axes):
        axis, sign = world[code]
        order.append(axis)
        affine[:3, file_axis] = 0
        affine[axis, file_axis] = sign * spacing[::-1][axis]
        if code in "RAI":
            flips.append(file_axis)
    array = np.flip(array.transpose(*order, 3), flips)
    image = nib.Nifti1Image(np.ascontiguousarray(array), affine)
    image.header.set_zooms((*image.header.get_zooms()[:3], step))
    image.header.set_xyzt_units("mm", unit)
    nib.save(image, path)
    return path
