"""Masks of the brain, from attenuation and shape alone."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    binary_fill_holes,
    binary_opening,
    distance_transform_edt,
    gaussian_filter,
)

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.masks import largest_component

_SOFT_HU = (0.0, 100.0)
"""Brain, fluid and vessels; not bone, fat or air."""
_SCALP_MM = 6.0
"""Soft tissue thinner than twice this is not brain."""
BONE_MARGIN_MM = 6.0
"""Head motion brings bone into this margin."""


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
    ball = disc(_SCALP_MM, pixel_mm)
    brain = np.stack([_brain_of(level, ball) for level in soft])
    if not brain.any():
        low, high = _SOFT_HU
        raise Excluded(
            "perfusion",
            f"no slice shows a brain, {low:g} to {high:g} HU and wider than {2 * _SCALP_MM:g} mm; "
            "check rescale slope and field of view",
        )
    return brain


def erode_from_bone(
    brain: Bool[np.ndarray, "slice height width"], pixel_mm: tuple[float, float], margin_mm: float = BONE_MARGIN_MM
) -> Bool[np.ndarray, "slice height width"]:
    """The brain without a margin at the skull.

    Args:
        brain: From `intracranial_mask`.
        pixel_mm: Distance between rows and columns [mm].
        margin_mm: Width of the margin [mm].
    """
    return binary_erosion(brain, disc(margin_mm, pixel_mm)[None])


def without_bone_next(
    brain: Bool[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """The brain without what has bone in the slice above or below: head motion along the slices brings it in.

    Below the vertex no margin within a slice suffices. Beyond the slab, the outline of the brain is taken to go on as
    between the last two slices (shape-based extrapolation; Raya and Udupa, IEEE TMI 1990).

    Args:
        brain: From `intracranial_mask`.
        pixel_mm: Distance between rows and columns [mm].

    Returns:
        The mask; all of the brain where a slab has one slice, or bone next to every voxel.
    """
    if len(brain) == 1:
        return brain
    depth = np.stack([_depth(level, pixel_mm) for level in brain])
    below, above = 2 * depth[0] - depth[1], 2 * depth[-1] - depth[-2]
    inside = np.stack([below, *depth, above]) > 0
    without = brain & inside[:-2] & inside[2:]
    return without if without.any() else brain


def _depth(level: Bool[np.ndarray, "height width"], pixel_mm: tuple[float, float]) -> Float[np.ndarray, "height width"]:
    """Distance from the outline of a mask [mm]; negative outside of it, and −∞ without any."""
    if not level.any():
        return np.full(level.shape, -np.inf)
    return distance_transform_edt(level, pixel_mm) - distance_transform_edt(~level, pixel_mm)


def _brain_of(
    soft: Bool[np.ndarray, "height width"], ball: Bool[np.ndarray, "_ _"]
) -> Bool[np.ndarray, "height width"]:
    largest = largest_component(binary_opening(soft, ball))
    # The opening removed the narrow rim, where the sinuses run: the dilation restores it.
    return binary_fill_holes(binary_dilation(largest, ball) & soft)


def disc(radius_mm: float, pixel_mm: tuple[float, float]) -> Bool[np.ndarray, "_ _"]:
    """Pixels of a disc, for morphology in the plane."""
    rows, columns = (int(radius_mm / mm) for mm in pixel_mm)
    y, x = np.ogrid[-rows : rows + 1, -columns : columns + 1]
    return (y * pixel_mm[0]) ** 2 + (x * pixel_mm[1]) ** 2 <= radius_mm**2
