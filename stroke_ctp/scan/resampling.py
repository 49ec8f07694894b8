"""Resampling of frames at points in space, after rigid motion."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import map_coordinates

from stroke_ctp.common.geometry import AIR_HU

RigidTransform = Float[np.ndarray, "4 4"]
"""Maps a point (x, y, z, 1) of the first frame to another frame [mm]."""


@dataclass(frozen=True)
class SlabFrames:
    """Frames of a slab, or of one slice of it, on a grid in patient axes."""

    hu: Float32[np.ndarray, "time slice height width"]
    spacing: tuple[float, float, float]
    """Between slices, rows and columns [mm]."""
    first: tuple[float, float, float]
    """Position of the first slice, row and column [mm]."""

    def index(self, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "3 point"]:
        """Fractional slice, row and column of points (x, y, z) [mm]."""
        return (points[:, ::-1].T - np.array(self.first)[:, None]) / np.array(self.spacing)[:, None]

    def points(self, level: int) -> Float[np.ndarray, "point 3"]:
        """Positions (x, y, z) of a slice's pixels, row by row [mm]."""
        height, width = self.hu.shape[2:]
        return slice_pixels(level, (height, width), self.spacing, self.first)


def slice_pixels(
    level: int, shape: tuple[int, int], spacing: tuple[float, float, float], first: tuple[float, float, float]
) -> Float[np.ndarray, "point 3"]:
    """Positions (x, y, z) of the pixels of a slice of a grid, row by row [mm]; arguments as of `SlabFrames`."""
    y, x = (first[k] + spacing[k] * np.arange(shape[k - 1]) for k in (1, 2))
    y, x = np.meshgrid(y, x, indexing="ij")
    return np.stack([x, y, np.full_like(x, first[0] + level * spacing[0])], axis=-1).reshape(-1, 3)


def transform_points(rigid: RigidTransform, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 3"]:
    """Points (x, y, z) after a motion [mm]."""
    return points @ rigid[:3, :3].T + rigid[:3, 3]


def resample_frame(
    volumes: SlabFrames, time: int, points: Float[np.ndarray, "point 3"], rigid: RigidTransform
) -> Float32[np.ndarray, " point"]:
    """Sample a frame where the points of the first frame have moved to [HU].

    Args:
        volumes: Frames of a slab.
        time: Which frame.
        points: (x, y, z) in the first frame [mm].
        rigid: The frame's motion.
    """
    at = volumes.index(transform_points(rigid, points))
    # outside the slab the outermost slice is the best estimate; outside the plane there is air
    at[0] = np.clip(at[0], 0, volumes.hu.shape[1] - 1)
    return map_coordinates(volumes.hu[time], at, order=1, mode="constant", cval=AIR_HU, output=np.float32)
