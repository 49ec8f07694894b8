"""One level of a scan on the standard grid: 128×128 pixels over 200×200 mm, the head in its middle, still."""

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Float, Float32
from scipy.ndimage import binary_opening, label

from stroke_ctp.scan.registration import estimate_motion

SIZE = 128
FIELD_OF_VIEW_MM = 200.0
SPACING_MM = FIELD_OF_VIEW_MM / SIZE
AIR_HU = -1000.0
_FWHM_PER_SIGMA = 2.3548


def to_standard_grid(
    frames: Float[np.ndarray, "time height width"], spacing: tuple[float, float]
) -> tuple[Float32[np.ndarray, "time 128 128"], Float[np.ndarray, "time 3"]]:
    """Register every frame of a level to the first and resample it, once, to the standard grid.

    Args:
        frames: One slice in patient axes [HU].
        spacing: Distance between rows and between columns [mm].

    Returns:
        Frames on the grid [HU], air where the scan has nothing, and the motion removed (`estimate_motion`).
    """
    row, column = head_centre_mm(frames[0], spacing)
    images = [_image(frame, spacing, (row, column)) for frame in frames]
    still = np.stack([_resample(image, np.zeros(3)) for image in images])
    motion = estimate_motion(still, SPACING_MM)
    for index in np.flatnonzero(motion.any(axis=1)):
        still[index] = _resample(images[index], motion[index])
    return still, motion


def head_centre_mm(frame: Float[np.ndarray, "height width"], spacing: tuple[float, float]) -> tuple[float, float]:
    """Centre of the head's bounding box, in whole standard pixels from the centre of the field of view [mm].

    Whole pixels, so that a scan that already lies on the standard grid is not interpolated; along an axis
    in which the head is cut on both sides the centre of the field of view remains.

    Args:
        frame: One axial slice [HU].
        spacing: Distance between rows and between columns [mm].

    Returns:
        Offset along rows and columns [mm].
    """
    parts, n_parts = label(binary_opening(frame > -200, np.ones((_holder_pixels(spacing[0]), 1))))
    if n_parts == 0:
        return 0.0, 0.0
    head = parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1
    offsets = []
    for axis in (0, 1):
        occupied = np.flatnonzero(head.any(axis=1 - axis))
        middle = (occupied[0] + occupied[-1] - (frame.shape[axis] - 1)) / 2 * spacing[axis]
        offsets.append(float(np.rint(middle / SPACING_MM)) * SPACING_MM)
    return offsets[0], offsets[1]


def _holder_pixels(spacing_mm: float) -> int:
    """Thickness of the table and head holder under the head, at most 6 mm [pixel]."""
    return max(1, round(6.0 / spacing_mm))


def _image(
    frame: Float[np.ndarray, "height width"], spacing: tuple[float, float], centre: tuple[float, float]
) -> sitk.Image:
    """The frame smoothed to the standard resolution, with the grid's centre at position 0."""
    # scanners fill what lies outside the field of view with values below air
    image = sitk.GetImageFromArray(np.maximum(frame, AIR_HU).astype(np.float32))
    image.SetSpacing((spacing[1], spacing[0]))
    image.SetOrigin(
        [
            -(n - 1) / 2 * mm - offset
            for n, mm, offset in zip(frame.shape[::-1], spacing[::-1], centre[::-1], strict=True)
        ]
    )
    variances = [_smoothing_variance(mm) for mm in image.GetSpacing()]
    if max(variances) == 0:
        return image
    return sitk.DiscreteGaussian(image, variances, maximumError=0.01)


def _smoothing_variance(spacing_mm: float) -> float:
    """Variance of the Gaussian [mm²] that turns a pixel's width at half maximum into a standard pixel's."""
    return max(0.0, SPACING_MM**2 - spacing_mm**2) / _FWHM_PER_SIGMA**2


def _resample(image: sitk.Image, motion: Float[np.ndarray, "3"]) -> Float32[np.ndarray, "128 128"]:
    first = -(SIZE - 1) / 2 * SPACING_MM
    resampled = sitk.Resample(
        image,
        (SIZE, SIZE),
        sitk.Euler2DTransform((0.0, 0.0), float(motion[0]), [float(shift) for shift in motion[1:]]),
        sitk.sitkLinear,
        (first, first),
        (SPACING_MM, SPACING_MM),
        (1.0, 0.0, 0.0, 1.0),
        AIR_HU,
    )
    return sitk.GetArrayFromImage(resampled)
