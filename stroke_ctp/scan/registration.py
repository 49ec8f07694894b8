"""Rigid head motion between frames, estimated from the skull.

Gauss–Newton on mean squares at the skull's edges alone (Baker and Matthews, Int J Comput Vis 2004, inverse
compositional form). A frame takes milliseconds; SimpleITK's optimizers need tens of them in the plane alone, for the
same metric, and end no nearer to the truth, because they know nothing of the metric's curvature.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from stroke_ctp.scan.head import head_mask

AIR_HU = -1000.0
MIN_SLICES_3D = 4
MIN_SLAB_MM_3D = 15.0
"""From the first slice to the last; a thinner slab tells nodding badly from a change of the skull's width."""
_WINDOW_HU = (0.0, 500.0)
"""The skull stands out; air and skin do not, and metal is cut off."""
_SMOOTHING_PIXELS = 1.5
"""Widens the range from which the skull is found, and leaves interpolation little noise to smooth away."""
_EDGE_HU_PER_MM = 10.0
_MIN_EDGE_PIXELS = 200
_MAX_POINTS = 8_000
"""Of the edges; more of them cost time and add nothing."""
_MIN_IMPROVEMENT = 0.1
"""Share of mean squares that a motion must explain; less than that is noise."""
_SKULL_RADIUS_MM = 75.0
_TOLERANCE_MM = 0.02
_IN_PLANE = np.array([2, 3, 4])
"""Of the parameters ωx, ωy, ωz, x, y, z those that move a slice within its plane."""

Rigid = Float[np.ndarray, "4 4"]
"""Takes a point (x, y, z, 1) of the first frame to its place in another [mm]."""


@dataclass(frozen=True)
class Volumes:
    """Frames of a slab, or of one slice of it, on a grid in patient axes."""

    hu: Float32[np.ndarray, "time slice height width"]
    spacing: tuple[float, float, float]
    """Between slices, rows and columns [mm]."""
    first: tuple[float, float, float]
    """Position of the first slice, row and column [mm]."""

    def index(self, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "3 point"]:
        """Slice, row and column, in fractions, of points (x, y, z) [mm]."""
        return (points[:, ::-1].T - np.array(self.first)[:, None]) / np.array(self.spacing)[:, None]

    def points(self, level: int) -> Float[np.ndarray, "point 3"]:
        """The pixels (x, y, z) of a slice, row by row [mm]."""
        height, width = self.hu.shape[2:]
        return slice_points(level, (height, width), self.spacing, self.first)


@dataclass(frozen=True)
class Motion:
    """Of every frame against the first."""

    rigid: Float[np.ndarray, "time 4 4"]
    """Takes a point (x, y, z, 1) of the first frame to its place in this one [mm]; the identity where a motion
    explains nothing, or no skull is in view."""
    residual_hu: Float[np.ndarray, " time"]
    """Root mean square of what is left at the skull's edges [HU]."""
    centre: Float[np.ndarray, "3"]
    """Of the head in the first frame (x, y, z) [mm]."""
    reach_mm: Float[np.ndarray, " time"]
    """How far the edge that moved farthest has moved [mm]."""

    @property
    def translation_mm(self) -> Float[np.ndarray, " time"]:
        """How far the head's centre has moved [mm]."""
        moved = self.rigid[:, :3, :3] @ self.centre + self.rigid[:, :3, 3]
        return np.linalg.norm(moved - self.centre, axis=1)

    @property
    def rotation_deg(self) -> Float[np.ndarray, " time"]:
        """By how much the head has turned [deg]."""
        return np.degrees(Rotation.from_matrix(self.rigid[:, :3, :3]).magnitude())


@dataclass(frozen=True)
class _Template:
    """The first frame at its edges, with what Gauss–Newton needs of it."""

    points: Float[np.ndarray, "point 3"]
    """(x, y, z) [mm]."""
    values: Float[np.ndarray, " point"]
    jacobian: Float[np.ndarray, "parameter point"]
    free: np.ndarray
    """Which of the six parameters are estimated."""


def slice_points(
    level: int, shape: tuple[int, int], spacing: tuple[float, float, float], first: tuple[float, float, float]
) -> Float[np.ndarray, "point 3"]:
    """Pixels (x, y, z) of a slice of a grid, row by row [mm]; arguments as of `Volumes`."""
    y, x = (first[k] + spacing[k] * np.arange(shape[k - 1]) for k in (1, 2))
    y, x = np.meshgrid(y, x, indexing="ij")
    return np.stack([x, y, np.full_like(x, first[0] + level * spacing[0])], axis=-1).reshape(-1, 3)


def resample(
    volumes: Volumes, time: int, points: Float[np.ndarray, "point 3"], rigid: Rigid
) -> Float32[np.ndarray, " point"]:
    """A frame at the places to which points of the first frame have moved [HU].

    Args:
        volumes: Frames of a slab.
        time: Which frame.
        points: (x, y, z) in the first frame [mm].
        rigid: The frame's motion.
    """
    at = volumes.index(_apply(rigid, points))
    # beyond the slab its outermost slice is the nearest to what was there; beyond the plane there is air
    at[0] = np.clip(at[0], 0, volumes.hu.shape[1] - 1)
    return map_coordinates(volumes.hu[time], at, order=1, mode="constant", cval=AIR_HU, output=np.float32)


def is_thick(n_slices: int, spacing_mm: float) -> bool:
    """Whether a slab has slices enough to estimate motion out of its planes."""
    return n_slices >= MIN_SLICES_3D and (n_slices - 1) * spacing_mm >= MIN_SLAB_MM_3D


def estimate_motion(volumes: Volumes, max_iterations: int = 20) -> Motion:
    """Rigid motion of every frame against the first: in space for a thick slab, otherwise in the plane.

    Args:
        volumes: Frames of a slab, or of one slice, in pixels of 1 to 2 mm [HU].
        max_iterations: Steps per frame; most frames need four.
    """
    n_frames = len(volumes.hu)
    rigid = np.tile(np.eye(4), (n_frames, 1, 1))
    template = _template(volumes)
    if template is None:
        return Motion(rigid, np.zeros(n_frames), np.zeros(3), np.zeros(n_frames))
    residual, reach = np.zeros(n_frames), np.zeros(n_frames)
    for index in range(1, n_frames):
        frame = _prepare(volumes.hu[index])
        rigid[index], residual[index] = _fit(template, volumes, frame, rigid[index - 1], max_iterations)
        reach[index] = np.linalg.norm(_apply(rigid[index], template.points) - template.points, axis=1).max()
    centre = (template.points.min(axis=0) + template.points.max(axis=0)) / 2
    return Motion(rigid, residual, centre, reach)


def _prepare(frame: Float32[np.ndarray, "slice height width"]) -> Float32[np.ndarray, "slice height width"]:
    sigma = (0, _SMOOTHING_PIXELS, _SMOOTHING_PIXELS)
    return gaussian_filter(np.clip(frame, *_WINDOW_HU), sigma, truncate=3.0)


def _template(volumes: Volumes) -> _Template | None:
    image = _prepare(volumes.hu[0])
    thick = is_thick(len(image), volumes.spacing[0])
    free = np.arange(6) if thick else _IN_PLANE
    slopes = _slopes(image, volumes.spacing, thick)
    edge = (np.hypot(slopes[0], slopes[1]) > _EDGE_HU_PER_MM) & _near_heads(volumes.hu[0], volumes.spacing)
    if edge.sum() < _MIN_EDGE_PIXELS:
        return None
    index = np.argwhere(edge)[:: max(1, int(edge.sum()) // _MAX_POINTS)]
    points = (index * volumes.spacing + volumes.first)[:, ::-1]
    gradient = slopes[:, *index.T].T.astype(np.float64)
    jacobian = np.concatenate([np.cross(points, gradient), gradient], axis=1).T[free]
    if np.linalg.matrix_rank(jacobian @ jacobian.T) < len(free):  # edges in one direction only
        return None
    return _Template(points, image[*index.T].astype(np.float64), jacobian, free)


def _slopes(
    image: Float32[np.ndarray, "slice height width"], spacing: tuple[float, float, float], thick: bool
) -> Float32[np.ndarray, "3 slice height width"]:
    """Derivatives along x, y, z [HU/mm]; a thin slab has none along z."""
    along_y, along_x = np.gradient(image, *spacing[1:], axis=(1, 2))
    along_z = np.gradient(image, spacing[0], axis=0) if thick else np.zeros_like(image)
    return np.stack([along_x, along_y, along_z])


def _near_heads(
    frame: Float32[np.ndarray, "slice height width"], spacing: tuple[float, float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """Where the edges of a head may lie: neither table nor holder moves with it."""
    masks = [head_mask(plane, spacing[1]) for plane in frame]
    return np.stack([binary_dilation(mask, iterations=2) for mask in masks])


def _fit(
    template: _Template,
    volumes: Volumes,
    frame: Float32[np.ndarray, "slice height width"],
    previous: Rigid,
    max_iterations: int,
) -> tuple[Rigid, float]:
    """The motion of a frame, and what it leaves at the edges [HU]."""
    still = _rms(template, volumes, frame, np.eye(4))
    # a head that has moved mostly stays where it is: the last frame's motion may be the better start
    rigid = previous if _rms(template, volumes, frame, previous) < still else np.eye(4)
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
    moved = _rms(template, volumes, frame, rigid)
    return (rigid, moved) if moved**2 < (1 - _MIN_IMPROVEMENT) * still**2 else (np.eye(4), still)


def _inverse_step(step: Float[np.ndarray, "6"]) -> Rigid:
    """Undoes a small motion of the template: rotation vector [rad], then shift [mm]."""
    inverse = np.eye(4)
    inverse[:3, :3] = Rotation.from_rotvec(-step[:3]).as_matrix()
    inverse[:3, 3] = -inverse[:3, :3] @ step[3:]
    return inverse


def _apply(rigid: Rigid, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 3"]:
    return points @ rigid[:3, :3].T + rigid[:3, 3]


def _residual(
    template: _Template, volumes: Volumes, frame: Float32[np.ndarray, "slice height width"], rigid: Rigid
) -> tuple[Float[np.ndarray, " point"], Bool[np.ndarray, " point"]]:
    """Frame less template at every point, and which points the slab still holds."""
    at = volumes.index(_apply(rigid, template.points))
    inside = (at[0] > -0.5) & (at[0] < len(frame) - 0.5)
    return map_coordinates(frame, at, output=np.float64, order=1, mode="nearest") - template.values, inside


def _rms(
    template: _Template, volumes: Volumes, frame: Float32[np.ndarray, "slice height width"], rigid: Rigid
) -> float:
    residual, inside = _residual(template, volumes, frame, rigid)
    return float(np.sqrt(np.mean(residual[inside] ** 2))) if inside.any() else float("inf")
