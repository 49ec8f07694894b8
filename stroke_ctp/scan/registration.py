"""Rigid head motion between frames, estimated from the skull.

Gauss–Newton on mean squares at the skull's edges alone (Baker and Matthews, Int J Comput Vis 2004, inverse
compositional form). A frame takes milliseconds. SimpleITK's optimizers take tens of milliseconds for the same metric in
the plane alone and are no more accurate, because they do not use the metric's curvature.

A skull point that has moved out of the slice planes is not interpolated between slices. Instead, the skull's outline of
the first frame is followed from the point to the plane of the nearest slice, and compared there.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from stroke_ctp.scan.head import head_mask
from stroke_ctp.scan.resampling import RigidTransform, SlabFrames, transform_points
from stroke_ctp.scan.skull import SkullOutlines, skull_outlines

MIN_SLICES_3D = 4
MIN_SLAB_MM_3D = 15.0
"""From the first slice to the last; in a thinner slab, nodding looks like a change of the skull's width."""
_WINDOW_HU = (0.0, 500.0)
"""Contrast window: keeps the skull, removes air and skin, clips metal."""
_SMOOTHING_PIXELS = 1.5
"""Widens the capture range, and removes noise that interpolation would smooth unevenly."""
_EDGE_HU_PER_MM = 10.0
_MIN_EDGE_PIXELS = 200
_MAX_DISTANCE_MM = 4.0
"""Between the skull's outline and the edge pixels."""
_MAX_SLOPE = 2.0
"""Of the skull from slice to slice [mm/mm]: near the vertex the skull lies flat and has no outline to follow."""
_MIN_SLOPE = 0.1
"""Root mean square; motion along the axis of a cylinder does not move its edges."""
_MAX_POINTS = 8_000
"""Of the edges; more points cost time without better accuracy."""
_MIN_IMPROVEMENT = 0.1
"""Share of the mean squares that a motion must explain to count as motion."""
_SKULL_RADIUS_MM = 75.0
_TOLERANCE_MM = 0.02
_IN_PLANE = np.array([2, 3, 4])
"""Those of the parameters ωx, ωy, ωz, x, y, z that move a slice within its plane."""


@dataclass(frozen=True)
class Motion:
    """Of every frame against the first."""

    rigid: Float[np.ndarray, "time 4 4"]
    """Maps a point (x, y, z, 1) of the first frame to this one [mm]; the identity where no motion is found, or no
    skull is in view."""
    residual_hu: Float[np.ndarray, " time"]
    """Root mean square residual at the skull's edges [HU]."""
    centre: Float[np.ndarray, "3"]
    """Of the head in the first frame (x, y, z) [mm]."""
    reach_mm: Float[np.ndarray, " time"]
    """Largest displacement of a skull edge [mm]."""
    steepness: float
    """Root mean square gradient of the skull's edges in the plane [HU/mm]; 0 where no skull is in view."""
    in_space: bool
    """Whether motion out of the planes was estimated too."""

    @property
    def translation_mm(self) -> Float[np.ndarray, " time"]:
        """Displacement of the head's centre [mm]."""
        there = self.rigid[:, :3, :3] @ self.centre + self.rigid[:, :3, 3]
        return np.linalg.norm(there - self.centre, axis=1)

    @property
    def rotation_deg(self) -> Float[np.ndarray, " time"]:
        """Rotation angle [deg]."""
        return np.degrees(Rotation.from_matrix(self.rigid[:, :3, :3]).magnitude())

    @property
    def left_mm(self) -> Float[np.ndarray, " time"]:
        """Displacement of the edges that would explain the residual [mm]."""
        return self.residual_hu / self.steepness if self.steepness else np.zeros_like(self.residual_hu)


@dataclass(frozen=True)
class _Template:
    """Edge points of the first frame, with their Jacobian."""

    points: Float[np.ndarray, "point 3"]
    """(x, y, z) [mm]."""
    values: Float[np.ndarray, " point"]
    normal: Float[np.ndarray, "point 3"]
    """Normal of the skull's surface, towards the bone; its component in the plane has length 1."""
    bend: Float[np.ndarray, " point"]
    """Curvature of the surface from slice to slice [1/mm]."""
    jacobian: Float[np.ndarray, "parameter point"]
    free: np.ndarray
    """Which of the six parameters are estimated."""
    steepness: float
    """Root mean square gradient in the plane [HU/mm]."""


def is_thick(n_slices: int, spacing_mm: float) -> bool:
    """Whether a slab has enough slices to estimate motion out of the planes."""
    return n_slices >= MIN_SLICES_3D and (n_slices - 1) * spacing_mm >= MIN_SLAB_MM_3D


def estimate_motion(volumes: SlabFrames, max_iterations: int = 20) -> Motion:
    """Estimate the rigid motion of every frame against the first: in space for a thick slab, otherwise in the plane.

    Args:
        volumes: Frames of a slab, or of one slice, in pixels of 1 to 2 mm [HU].
        max_iterations: Steps per frame; most frames need four.
    """
    n_frames = len(volumes.hu)
    rigid = np.tile(np.eye(4), (n_frames, 1, 1))
    template = _template(volumes)
    if template is None:
        return Motion(rigid, np.zeros(n_frames), np.zeros(3), np.zeros(n_frames), 0.0, in_space=False)
    residual, reach = np.zeros(n_frames), np.zeros(n_frames)
    for index in range(1, n_frames):
        frame = _prepare(volumes.hu[index])
        rigid[index], residual[index] = _fit(template, volumes, frame, rigid[index - 1], max_iterations)
        reach[index] = np.linalg.norm(transform_points(rigid[index], template.points) - template.points, axis=1).max()
    centre = (template.points.min(axis=0) + template.points.max(axis=0)) / 2
    return Motion(rigid, residual, centre, reach, template.steepness, in_space=len(template.free) == 6)


def _prepare(frame: Float32[np.ndarray, "slice height width"]) -> Float32[np.ndarray, "slice height width"]:
    sigma = (0, _SMOOTHING_PIXELS, _SMOOTHING_PIXELS)
    return gaussian_filter(np.clip(frame, *_WINDOW_HU), sigma, truncate=3.0)


def _template(volumes: SlabFrames) -> _Template | None:
    """Template for motion in space if the slab is thick and its skull can be followed, otherwise in the plane."""
    image = _prepare(volumes.hu[0])
    gradient = np.stack(np.gradient(image, *volumes.spacing[1:], axis=(1, 2))[::-1])
    edge = (np.hypot(*gradient) > _EDGE_HU_PER_MM) & _near_heads(volumes.hu[0], volumes.spacing)
    if is_thick(len(image), volumes.spacing[0]):
        skull = skull_outlines(image, volumes.spacing)
        followed = edge & (np.abs(skull.distance) < _MAX_DISTANCE_MM) & (np.abs(skull.slope) < _MAX_SLOPE)
        template = _at_edges(followed, volumes, image, gradient, skull)
        if template is not None:
            return template
    return _at_edges(edge, volumes, image, gradient, None)


def _at_edges(
    edge: Bool[np.ndarray, "slice height width"],
    volumes: SlabFrames,
    image: Float32[np.ndarray, "slice height width"],
    gradient: Float32[np.ndarray, "2 slice height width"],
    skull: SkullOutlines | None,
) -> _Template | None:
    """The template at some pixels; None if they are too few, or do not determine all parameters."""
    if edge.sum() < _MIN_EDGE_PIXELS:
        return None
    index = np.argwhere(edge)[:: max(1, int(edge.sum()) // _MAX_POINTS)]
    points = (index * volumes.spacing + volumes.first)[:, ::-1]
    slope, bend = (skull.slope[*index.T], skull.bend[*index.T]) if skull else np.zeros((2, len(index)))
    if skull and np.sqrt(np.mean(slope**2)) < _MIN_SLOPE:
        return None
    in_plane = gradient[:, *index.T].T.astype(np.float64)
    steepness = np.hypot(*in_plane.T)[:, None]
    normal = np.column_stack([in_plane / steepness, -slope])
    free = np.arange(6) if skull else _IN_PLANE
    across = steepness * normal
    jacobian = np.concatenate([np.cross(points, across), across], axis=1).T[free]
    if np.linalg.matrix_rank(jacobian @ jacobian.T) < len(free):
        return None
    rms = float(np.sqrt(np.mean(steepness**2)))
    return _Template(points, image[*index.T].astype(np.float64), normal, bend, jacobian, free, rms)


def _near_heads(
    frame: Float32[np.ndarray, "slice height width"], spacing: tuple[float, float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """Pixels where edges of the head may lie: table and head holder do not move with it."""
    masks = [head_mask(plane, spacing[1]) for plane in frame]
    return np.stack([binary_dilation(mask, iterations=2) for mask in masks])


def _fit(
    template: _Template,
    volumes: SlabFrames,
    frame: Float32[np.ndarray, "slice height width"],
    previous: RigidTransform,
    max_iterations: int,
) -> tuple[RigidTransform, float]:
    """The motion of a frame, and the root mean square residual at the edges [HU]."""
    unmoved = _rms(template, volumes, frame, np.eye(4))
    # a head that has moved often stays there: the previous frame's motion may be the better start
    rigid = previous if _rms(template, volumes, frame, previous) < unmoved else np.eye(4)
    for _ in range(max_iterations):
        residual, inside = _residual(template, volumes, frame, rigid)
        jacobian = template.jacobian[:, inside]
        if inside.sum() < _MIN_EDGE_PIXELS:
            break
        step = np.zeros(6)
        step[template.free] = np.linalg.lstsq(jacobian @ jacobian.T, jacobian @ residual[inside], rcond=None)[0]
        rigid = rigid @ _inverse_step(step)
        if np.abs(step * ([_SKULL_RADIUS_MM] * 3 + [1.0] * 3)).max() < _TOLERANCE_MM:
            break
    left = _rms(template, volumes, frame, rigid)
    return (rigid, left) if left**2 < (1 - _MIN_IMPROVEMENT) * unmoved**2 else (np.eye(4), unmoved)


def _inverse_step(step: Float[np.ndarray, "6"]) -> RigidTransform:
    """Inverse of a small motion of the template: rotation vector [rad], then shift [mm]."""
    inverse = np.eye(4)
    inverse[:3, :3] = Rotation.from_rotvec(-step[:3]).as_matrix()
    inverse[:3, 3] = -inverse[:3, :3] @ step[3:]
    return inverse


def _residual(
    template: _Template, volumes: SlabFrames, frame: Float32[np.ndarray, "slice height width"], rigid: RigidTransform
) -> tuple[Float[np.ndarray, " point"], Bool[np.ndarray, " point"]]:
    """Frame minus template at every point, and which points lie inside the slab."""
    at = volumes.index(transform_points(rigid, template.points))
    inside = (at[0] > -0.5) & (at[0] < len(frame) - 0.5)
    nearest = np.clip(np.round(at[0]), 0, len(frame) - 1)
    above = (at[0] - nearest) * volumes.spacing[0]
    across_x, across_y, across_z = rigid[:3, :3] @ template.normal.T
    width = np.hypot(across_x, across_y)
    back = above * (across_z / width + template.bend * above / 2) / width
    at = np.stack([nearest, at[1] + across_y * back / volumes.spacing[1], at[2] + across_x * back / volumes.spacing[2]])
    return map_coordinates(frame, at, output=np.float64, order=1, mode="nearest") - template.values, inside


def _rms(
    template: _Template, volumes: SlabFrames, frame: Float32[np.ndarray, "slice height width"], rigid: RigidTransform
) -> float:
    residual, inside = _residual(template, volumes, frame, rigid)
    return float(np.sqrt(np.mean(residual[inside] ** 2))) if inside.any() else float("inf")
