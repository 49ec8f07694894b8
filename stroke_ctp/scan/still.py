"""A scan with its head held still, in its own geometry."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import affine_transform, zoom

from stroke_ctp.scan.registration import estimate_motion
from stroke_ctp.scan.standard_grid import SPACING_MM
from stroke_ctp.types import CTPScan


def held_still(scan: CTPScan) -> CTPScan:
    """Register every frame of every slice to the slice's first, by turning and shifting it in its plane.

    The motion is estimated at the standard grid's resolution, as for the standard series, and removed at the
    scan's own; frames that did not move are not interpolated.

    Args:
        scan: Scan in patient axes.
    """
    still = np.array(scan.hu)
    for index in range(scan.hu.shape[1]):
        frames = still[:, index]
        motion = estimate_motion(_coarse(frames, scan.spacing[1:]), SPACING_MM)
        for moved in np.flatnonzero(motion.any(axis=1)):
            frames[moved] = _moved_back(frames[moved], motion[moved], scan.spacing[1:])
    return replace(scan, hu=still)


def _coarse(
    frames: Float[np.ndarray, "time height width"], pixel_mm: tuple[float, float]
) -> Float[np.ndarray, "time row column"]:
    return zoom(frames, (1, *(mm / SPACING_MM for mm in pixel_mm)), order=1, grid_mode=True, mode="nearest")


def _moved_back(
    frame: Float[np.ndarray, "height width"], motion: Float[np.ndarray, "3"], pixel_mm: tuple[float, float]
) -> Float[np.ndarray, "height width"]:
    """The frame seen where its head would be without the motion; what that uncovers repeats the border."""
    cosine, sine = np.cos(motion[0]), np.sin(motion[0])
    mm = np.asarray(pixel_mm)
    turn = np.array([[cosine, sine], [-sine, cosine]]) * mm / mm[:, None]
    centre = (np.array(frame.shape) - 1) / 2
    offset = centre + motion[:0:-1] / mm - turn @ centre
    return affine_transform(frame, turn, offset, order=1, mode="nearest")
