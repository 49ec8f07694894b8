"""Core and penumbra of an occluded middle cerebral artery, grown to a given volume."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import HEALTHY, Compartment

_CENTRE, _SEMI_AXES = (42.0, -2.0, 14.0), (36.0, 58.0, 40.0)
"""Territory of the middle cerebral artery (x, y, z) [mm]."""
_CENTRES, _SHARES = (_CENTRE, (42.0, -14.0, 38.0), (42.0, 16.0, -8.0)), (0.5, 0.25, 0.25)
"""Where lesions of the trunk, the superior and the inferior division are centred (x, y, z) [mm], and their shares of
patients (assumed)."""
_RAGGEDNESS = 0.2
"""Of a lesion's edge, in units of 30 mm (assumed)."""
_FED_FROM = 0.7
"""Share of the territory's radius beyond which collaterals from its border keep tissue alive longer (assumed)."""
MOST_SEVERE = 3.0
"""Severity deep in a core."""


@dataclass(frozen=True)
class SimulatedLesion:
    """Core and penumbra: two level sets of one field over the territory."""

    side: int
    """−1 right, +1 left."""
    centre: tuple[float, float, float]
    """(x, y, z) [mm]."""
    height: float
    """Extent along z over that within the plane, of an otherwise round lesion."""
    ragged: SmoothField
    core_level: float = -np.inf
    penumbra_level: float = -np.inf

    @classmethod
    def draw(cls, random: np.random.Generator) -> "SimulatedLesion":
        """A lesion of zero volume at a random position in one territory, or in one of its divisions."""
        centre = _CENTRES[int(random.choice(len(_CENTRES), p=_SHARES))]
        return cls(
            side=int(random.choice([-1, 1])),
            centre=tuple(random.normal(centre, (5.0, 12.0, 9.0))),
            height=float(np.exp(0.4 * random.normal())),
            ragged=SmoothField(14.0, random),
        )

    def territory(self, anatomy: Anatomy, grid: Grid) -> Bool[np.ndarray, "z y x"]:
        """Points in the territory of the occluded artery."""
        return self._share_of_radius(anatomy, grid) < 1

    def field(self, anatomy: Anatomy, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """Order in which points are lost: distance from the lesion's centre plus a random field, later at the border.

        Collaterals of the brain's surface enter a territory at its border.
        """
        z, y, x = anatomy.head_axes(grid)
        cx, cy, cz = self.centre
        distance = np.sqrt((self.side * x - cx) ** 2 + (0.8 * (y - cy)) ** 2 + ((z - cz) / self.height) ** 2) / 30
        fed = np.clip((self._share_of_radius(anatomy, grid) - _FED_FROM) / (1 - _FED_FROM), 0, 1)
        return distance + _RAGGEDNESS * self.ragged.on(grid) + fed**2

    def _share_of_radius(self, anatomy: Anatomy, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """Distance from the territory's centre over that of its border."""
        z, y, x = anatomy.head_axes(grid)
        (cx, cy, cz), (a, b, c) = _CENTRE, _SEMI_AXES
        return np.sqrt(((self.side * x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2)

    def severity(self, anatomy: Anatomy, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """0 at the penumbra's rim and outside the territory, 1 at the core's edge, up to `MOST_SEVERE` inside."""
        if not np.isfinite(self.penumbra_level):
            return np.zeros((grid.z.size, grid.y.size, grid.x.size), np.float32)
        width = max(self.penumbra_level - self.core_level, 1e-6)
        severity = np.clip((self.penumbra_level - self.field(anatomy, grid)) / width, 0, MOST_SEVERE)
        return np.where(self.territory(anatomy, grid), severity, 0).astype(np.float32)

    def grown(
        self,
        anatomy: Anatomy,
        grid: Grid,
        label: Int[np.ndarray, "z y x"],
        core_ml: float,
        penumbra_ml: float,
    ) -> "SimulatedLesion":
        """The lesion with a core and a penumbra around it of the given volumes [mL].

        Both are cut at the territory's size, a twelfth of which always remains penumbra.
        """
        tissue = np.isin(label, HEALTHY) & self.territory(anatomy, grid)
        field = np.sort(self.field(anatomy, grid)[tissue])
        last_core = min(round(core_ml / grid.voxel_ml), field.size * 11 // 12)
        last = min(last_core + round(penumbra_ml / grid.voxel_ml), field.size - 1)
        return replace(self, core_level=float(field[last_core]), penumbra_level=float(field[last]))

    def paint(self, anatomy: Anatomy, grid: Grid, label: Int[np.ndarray, "z y x"]) -> None:
        """Label tissue within the lesion as penumbra and core, in place."""
        tissue = np.isin(label, HEALTHY) & self.territory(anatomy, grid)
        field = self.field(anatomy, grid)
        label[tissue & (field < self.penumbra_level)] += Compartment.GREY_PENUMBRA - Compartment.GREY
        label[tissue & (field < self.core_level)] += Compartment.GREY_CORE - Compartment.GREY_PENUMBRA
