"""A head of ellipsoids, folded by random fields, that can be sampled on any grid.

Sizes are those of an adult: a brain of about 136 × 164 × 120 mm in a head that a 200 mm field of view
holds. The basal ganglia level lies at z = 0, the supraganglionic one 20 mm above.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import Compartment

SKULL_MM = 6.0
SCALP_MM = 5.0
_CORTEX_MM = 4.5
"""Depth of the cortex below the surface, with its fluid; a cortex of 2.5 to 3 mm that folds in all directions fills
more (Fischl and Dale, PNAS 2000)."""
_SULCI_MM = (16.0, 30.0)
"""Depth at which sulci begin to thin out, and at which the deepest end (assumed)."""
_SULCAL_CORTEX = 1.0
"""How far a sulcus and its cortex reach, in SDs of the field whose zeros are sulci: grey matter is half of the tissue.
Grey over grey and white is 0.5 to 0.6 in adults (Lüders et al., NeuroReport 2002)."""
_SULCAL_FLUID = 0.12
"""How far the fluid of a sulcus reaches at the surface, in the same unit (assumed)."""

_Ellipsoid = tuple[tuple[float, float, float], tuple[float, float, float]]
_Tube = tuple[tuple[float, float, float], tuple[float, float, float], float]

# Centre and semi-axes (x, y, z) [mm]; x is mirrored to both sides.
_LATERAL_VENTRICLES: tuple[_Ellipsoid, ...] = (
    ((10.0, -26.0, 5.0), (4.0, 13.0, 9.0)),
    ((13.0, 4.0, 20.0), (4.5, 27.0, 8.0)),
    ((22.0, 34.0, 6.0), (5.0, 14.0, 8.0)),
)
_VENTRICLES = (*_LATERAL_VENTRICLES, ((0.0, 0.0, -3.0), (2.0, 10.0, 8.0)))
_DEEP_NUCLEI: tuple[_Ellipsoid, ...] = (
    ((15.0, -20.0, 5.0), (5.0, 9.0, 9.0)),
    ((26.0, -3.0, 0.0), (8.0, 15.0, 9.0)),
    ((12.0, 13.0, 2.0), (8.0, 13.0, 9.0)),
)
_SYLVIAN_FISSURE: _Ellipsoid = ((50.0, -6.0, 2.0), (9.0, 15.0, 3.0))

# Ends (x, y, z) and radius [mm].
_MIDDLE_CEREBRAL: tuple[_Tube, ...] = (
    ((8.0, -18.0, -9.0), (38.0, -18.0, -8.0), 1.6),
    ((38.0, -18.0, -8.0), (46.0, -8.0, 4.0), 1.4),
    ((46.0, -8.0, 4.0), (50.0, -2.0, 30.0), 1.2),
    ((46.0, -8.0, 4.0), (52.0, 14.0, 12.0), 1.1),
)
_OTHER_ARTERIES: tuple[_Tube, ...] = (
    ((2.5, -38.0, -14.0), (2.5, -48.0, 40.0), 1.3),
    ((8.0, 16.0, -14.0), (22.0, 42.0, 6.0), 1.3),
)
_VEINS: tuple[_Tube, ...] = (((0.0, 62.0, -10.0), (0.0, 22.0, 8.0), 1.8),)


@dataclass(frozen=True)
class Anatomy:
    """One patient's head."""

    size: float
    """Scale of the brain."""
    ventricle_size: float
    yaw: float
    """Rotation in the axial plane [rad]."""
    shift: tuple[float, float]
    """Head's centre off the scanner's, along x and y [mm]."""
    folding: SmoothField
    """Thickness of the cortex, and of the fluid above it."""
    sulci: SmoothField
    """Zero in the middle of each sulcus."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Anatomy":
        """A head of random size and pose."""
        return cls(
            size=random.uniform(0.95, 1.03),
            ventricle_size=random.uniform(0.8, 1.4),
            yaw=np.deg2rad(random.normal(0, 3)),
            shift=(random.normal(0, 2), random.normal(0, 2)),
            folding=SmoothField(6.0, random),
            sulci=SmoothField(9.0, random),
        )

    def head_axes(self, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates (z, y, x) in the head's own axes [mm], broadcasting to `[z, y, x]`."""
        z, y, x = grid.axes()
        y, x = y - self.shift[1], x - self.shift[0]
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return z, (cos * y - sin * x).astype(np.float32), (cos * x + sin * y).astype(np.float32)

    def depth(self, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """Distance below the brain's surface [mm], negative outside it."""
        a, b, c = (self.size * semi_axis for semi_axis in (68.0, 82.0, 60.0))
        return -_distance((0.0, 0.0, 0.0), (a, b, c), *self.head_axes(grid))

    def from_ventricles(self, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """Distance from the lateral ventricles [mm], negative inside them."""
        z, y, x = self.head_axes(grid)
        return np.minimum.reduce(
            [
                _distance(centre, tuple(self.ventricle_size * axis for axis in semi_axes), z, y, np.abs(x))
                for centre, semi_axes in _LATERAL_VENTRICLES
            ]
        )

    def compartments(
        self, grid: Grid, occluded_side: int
    ) -> tuple[Int[np.ndarray, "z y x"], Float[np.ndarray, "z y x"]]:
        """Compartment of every point, without penumbra and core, and its depth below the surface [mm].

        Args:
            grid: Points to sample.
            occluded_side: −1 if the right middle cerebral artery is occluded, +1 if the left one is.
        """
        z, y, x = self.head_axes(grid)
        depth = self.depth(grid)
        fold = self.folding.on(grid)
        label = np.full(depth.shape, Compartment.AIR, dtype=np.int8)
        label[depth > -SKULL_MM - SCALP_MM] = Compartment.SCALP
        label[depth > -SKULL_MM] = Compartment.SKULL
        label[depth > 0] = Compartment.CSF
        label[depth > 1.0 + np.maximum(0.7 * fold, 0)] = Compartment.GREY
        fluid, cortex = self._sulci(grid, depth)
        label[(depth > np.maximum(_CORTEX_MM + 1.5 * fold, 3.0)) & ~cortex] = Compartment.WHITE
        label[(depth > 0) & fluid] = Compartment.CSF
        inside = depth > 2
        for part, compartment in self._parts(z, y, x):
            label[part & inside] = compartment
        near_surface = (np.abs(x) < 4) & (np.abs(depth - 1.5) < 2.5) & (y > 20)
        label[near_surface] = Compartment.VEIN  # superior sagittal sinus
        for tubes, compartment in _VESSELS:
            label[_tubes(tubes, z, y, x)] = compartment
        beyond = _tubes(_MIDDLE_CEREBRAL, z, y, x) & (np.sign(x) == occluded_side)
        label[beyond] = Compartment.COLLATERAL_ARTERY
        return label, depth

    def _sulci(
        self, grid: Grid, depth: Float[np.ndarray, "z y x"]
    ) -> tuple[Bool[np.ndarray, "z y x"], Bool[np.ndarray, "z y x"]]:
        """Points in the fluid of a sulcus, and in its fluid or the cortex around it."""
        thinning, end = _SULCI_MM
        share = np.clip((end - depth) / (end - thinning), 0, 1)
        from_middle = np.abs(self.sulci.on(grid))
        return from_middle < _SULCAL_FLUID * share, from_middle < _SULCAL_CORTEX * share

    def _parts(
        self, z: np.ndarray, y: np.ndarray, x: np.ndarray
    ) -> Iterator[tuple[Bool[np.ndarray, "z y x"], Compartment]]:
        """Deep nuclei and fluid spaces; later ones overwrite earlier ones."""
        for centre, semi_axes in _DEEP_NUCLEI:
            yield _ellipsoid(centre, semi_axes, z, y, x), Compartment.GREY
        for centre, semi_axes in _VENTRICLES:
            yield _ellipsoid(centre, semi_axes, z, y, x, self.ventricle_size), Compartment.CSF
        yield _ellipsoid(*_SYLVIAN_FISSURE, z, y, x), Compartment.CSF
        yield (
            (np.abs(x) < 1.2) & ((np.abs(y + 4) > 44) | (z > 32)),
            Compartment.CSF,
        )  # between the hemispheres


def _ellipsoid(
    centre: tuple[float, ...],
    semi_axes: tuple[float, ...],
    z: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    size: float = 1.0,
) -> Bool[np.ndarray, "z y x"]:
    """Points inside an ellipsoid and its mirror image, enlarged by a factor."""
    (cx, cy, cz), (a, b, c) = centre, semi_axes
    return ((np.abs(x) - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 < size**2


def _distance(
    centre: tuple[float, ...], semi_axes: tuple[float, ...], z: np.ndarray, y: np.ndarray, x: np.ndarray
) -> Float[np.ndarray, "z y x"]:
    """Distance from the surface of an ellipsoid to first order [mm], negative inside."""
    (a, b, c), (x, y, z) = semi_axes, (x - centre[0], y - centre[1], z - centre[2])
    radius = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    gradient = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2 + (z / c**2) ** 2)
    return (radius - 1) * radius / np.maximum(gradient, 1e-6)


def _tubes(
    tubes: tuple[_Tube, ...],
    z: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
) -> Bool[np.ndarray, "z y x"]:
    """Points within a radius of straight segments, on both sides of the midline; only points nearby are looked at."""
    inside = np.zeros(np.broadcast_shapes(z.shape, y.shape, x.shape), dtype=bool)
    height, plane = z.ravel(), inside.shape[1:]
    across, down = np.abs(np.broadcast_to(x[0], plane)), np.broadcast_to(y[0], plane)
    for start, end, radius in tubes:
        low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
        near = np.nonzero((across > low[0]) & (across < high[0]) & (down > low[1]) & (down < high[1]))
        axis = np.subtract(end, start)
        for k in np.flatnonzero((height > low[2]) & (height < high[2])):
            point = np.stack([across[near], down[near], np.full(len(near[0]), height[k])], axis=-1) - start
            along = np.clip(point @ axis / (axis @ axis), 0, 1)
            inside[k][near] |= ((point - along[:, None] * axis) ** 2).sum(axis=-1) < radius**2
    return inside


_VESSELS = (
    (_VEINS, Compartment.VEIN),
    (_OTHER_ARTERIES, Compartment.ARTERY),
    (_MIDDLE_CEREBRAL, Compartment.ARTERY),
)
