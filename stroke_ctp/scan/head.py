"""The head in a slice: its mask and its centre."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_opening

from stroke_ctp.common.masks import largest_component

_HOLDER_MM = 6.0
"""Thickness of the table and head holder under the head, at most."""
_HEAD_HU = -200
"""Denser than this is head, table or holder; below it is air."""


def head_mask(frame: Float[np.ndarray, "height width"], row_mm: float) -> Bool[np.ndarray, "height width"]:
    """Mask of the head: the largest object denser than air, without table and head holder; empty for an empty slice.

    Args:
        frame: One axial slice [HU].
        row_mm: Distance between rows [mm].
    """
    opening = np.ones((max(1, round(_HOLDER_MM / row_mm)), 1))
    return largest_component(binary_opening(frame > _HEAD_HU, opening))


def head_centre_mm(
    frame: Float[np.ndarray, "height width"], spacing: tuple[float, float], step_mm: float
) -> tuple[float, float]:
    """Offset of the head's bounding box from the centre of the field of view, along rows and columns [mm].

    The offset is 0 along an axis in which the head is cut on both sides.

    Args:
        frame: One axial slice [HU].
        spacing: Distance between rows and between columns [mm].
        step_mm: The offset is a multiple of this, so that a scan that lies on such a grid need not be interpolated.
    """
    head = head_mask(frame, spacing[0])
    if not head.any():
        return 0.0, 0.0
    offsets = []
    for axis in (0, 1):
        occupied = np.flatnonzero(head.any(axis=1 - axis))
        middle = (occupied[0] + occupied[-1] - (frame.shape[axis] - 1)) / 2 * spacing[axis]
        offsets.append(float(np.rint(middle / step_mm)) * step_mm)
    return offsets[0], offsets[1]
