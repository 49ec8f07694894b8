"""Masks of the brain, its parenchyma and hemispheres, from attenuation and shape alone."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation, binary_erosion, binary_fill_holes, binary_opening, gaussian_filter

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.masks import largest_component

_SOFT_HU = (0.0, 100.0)
"""Brain, fluid and vessels; not bone, fat or air."""
_TISSUE_HU = (22.0, 60.0)
"""Grey and white matter; fluid (about 12 HU) and voxels that share it lie below."""
_SCALP_MM = 6.0
"""Soft tissue thinner than twice this is not brain."""
_BONE_MARGIN_MM = 6.0
_TISSUE_SMOOTHING_MM = 2.5
_TISSUE_WIDTH_MM = 11.0


def intracranial_mask(
    baseline: Float[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """The inside of the skull: in each slice the largest component of soft tissue, out to the bone.

    Args:
        baseline: Attenuation without contrast [HU].
        pixel_mm: Distance between rows and columns [mm].

    Raises:
        Excluded: There is no brain.
    """
    smooth = gaussian_filter(baseline, (0, *(1.0 / mm for mm in pixel_mm)))
    soft = (smooth > _SOFT_HU[0]) & (smooth < _SOFT_HU[1])
    ball = _disc(_SCALP_MM, pixel_mm)
    brain = np.stack([_brain_of(level, ball) for level in soft])
    if not brain.any():
        low, high = _SOFT_HU
        raise Excluded(
            "perfusion", f"no slice shows a brain, {low:g} to {high:g} HU and wider than {2 * _SCALP_MM:g} mm"
        )
    return brain


def erode_from_bone(
    brain: Bool[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """The brain without a margin at the skull, where head motion brings bone.

    Args:
        brain: From `intracranial_mask`.
        pixel_mm: Distance between rows and columns [mm].
    """
    return binary_erosion(brain, _disc(_BONE_MARGIN_MM, pixel_mm)[None])


def parenchyma_mask(
    baseline: Float[np.ndarray, "slice height width"],
    brain: Bool[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
) -> Bool[np.ndarray, "slice height width"]:
    """Grey and white matter, without fluid, which has no blood volume and would count as core.

    Args:
        baseline: Attenuation without contrast [HU].
        brain: From `intracranial_mask`.
        pixel_mm: Distance between rows and columns [mm].
    """
    smooth = gaussian_filter(baseline, (0, *(_TISSUE_SMOOTHING_MM / mm for mm in pixel_mm)))
    tissue = brain & (smooth > _TISSUE_HU[0]) & (smooth < _TISSUE_HU[1])
    square = np.ones((1, *(max(1, round(_TISSUE_WIDTH_MM / mm)) for mm in pixel_mm)))
    return binary_opening(tissue, square)


def brain_axes(
    brain: Bool[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
    """Distance of each pixel to the left of the midline, and behind the brain's centre [mm].

    The midline is the long axis of the brain's outline, over all slices, through its centre.

    Args:
        brain: From `intracranial_mask`, not empty; rows run to posterior, columns to the patient's left.
        pixel_mm: Distance between rows and columns [mm].
    """
    _, rows, columns = np.nonzero(brain)
    points = np.stack([rows * pixel_mm[0], columns * pixel_mm[1]])
    centre = points.mean(axis=1)
    _, axes = np.linalg.eigh(np.cov(points))
    y, x = np.indices(brain.shape[1:]).astype(np.float64)
    y, x = y * pixel_mm[0] - centre[0], x * pixel_mm[1] - centre[1]
    backward = axes[:, 1] * np.sign(axes[0, 1])
    return x * backward[0] - y * backward[1], y * backward[0] + x * backward[1]


def _brain_of(
    soft: Bool[np.ndarray, "height width"], ball: Bool[np.ndarray, "_ _"]
) -> Bool[np.ndarray, "height width"]:
    largest = largest_component(binary_opening(soft, ball))
    # The opening removed the narrow rim, where the sinuses run: the dilation restores it.
    return binary_fill_holes(binary_dilation(largest, ball) & soft)


def _disc(radius_mm: float, pixel_mm: tuple[float, float]) -> Bool[np.ndarray, "_ _"]:
    rows, columns = (int(radius_mm / mm) for mm in pixel_mm)
    y, x = np.ogrid[-rows : rows + 1, -columns : columns + 1]
    return (y * pixel_mm[0]) ** 2 + (x * pixel_mm[1]) ** 2 <= radius_mm**2
