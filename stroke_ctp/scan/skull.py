"""Inner and outer outline of the skull, and their course from slice to slice.

Where slices lie further apart than the skull is thick, grey values cannot be interpolated between them; the distance
to the outline can (shape-based interpolation: Raya and Udupa, IEEE Trans Med Imaging 1990).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter

from stroke_ctp.common.masks import largest_component

_BONE_HU = 150.0
"""Threshold in frames smoothed in their planes."""
_SMOOTHING_PIXELS = 2.0
"""Of the distances, which are measured between pixel centres."""
_FAR_MM = 100.0
"""Distance to an outline that a slice does not have."""

Stack = Float[np.ndarray, "slice height width"]


@dataclass(frozen=True)
class SkullOutlines:
    """The nearest skull outline of every pixel; lengths are positive outside the bone."""

    distance: Stack
    """To the outline [mm]; negative in bone."""
    slope: Stack
    """Recession of the outline into the bone per millimetre upwards [mm/mm]."""
    bend: Stack
    """Change of the slope per millimetre upwards [1/mm]."""


def skull_outlines(
    image: Float32[np.ndarray, "slice height width"], spacing: tuple[float, float, float]
) -> SkullOutlines:
    """Outer and inner outline of the skull in three or more slices.

    An open outline, as at the skull base, follows the bone alone.

    Args:
        image: Slices, smoothed in their planes [HU].
        spacing: Between slices, rows and columns [mm].
    """
    bone = [plane > _BONE_HU for plane in image]
    solid = [largest_component(binary_fill_holes(plane)) for plane in bone]
    outer = -_distances(solid, spacing)
    inner = _distances([largest_component(s & ~b) for s, b in zip(solid, bone, strict=True)], spacing)
    is_inner = np.abs(inner) < np.abs(outer)
    distance = np.where(is_inner, inner, outer)
    slope_inner, bend_inner = _derivatives(inner, spacing[0])
    slope_outer, bend_outer = _derivatives(outer, spacing[0])
    return SkullOutlines(
        distance, np.where(is_inner, slope_inner, slope_outer), np.where(is_inner, bend_inner, bend_outer)
    )


def _distances(masks: list[Bool[np.ndarray, "height width"]], spacing: tuple[float, float, float]) -> Stack:
    """Distances to the masks' outlines in their planes [mm], positive inside."""
    return np.stack([gaussian_filter(_distance(mask, spacing[1:]), _SMOOTHING_PIXELS) for mask in masks])


def _distance(
    mask: Bool[np.ndarray, "height width"], pixel_mm: tuple[float, float]
) -> Float[np.ndarray, "height width"]:
    if mask.all() or not mask.any():
        return np.where(mask, _FAR_MM, -_FAR_MM)
    inside, outside = (distance_transform_edt(part, sampling=pixel_mm) for part in (mask, ~mask))
    # distances run between pixel centres: the outline lies half way between the last two
    half = np.mean(pixel_mm) / 2
    return np.where(mask, inside - half, half - outside)


def _derivatives(distance: Stack, slice_mm: float) -> tuple[Stack, Stack]:
    """First and second derivative from slice to slice."""
    second = np.diff(distance, n=2, axis=0) / slice_mm**2
    return np.gradient(distance, slice_mm, axis=0, edge_order=2), second[[0, *range(len(second)), -1]]
