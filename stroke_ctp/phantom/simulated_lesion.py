"""Core and penumbra of an occluded middle cerebral artery, grown to a given volume."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.hemodynamics.kinetics import per_100_ml
from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import LEAST_VIABLE_CBV, VARIATION, Compartment, Perfusion

_TISSUES = (Compartment.GREY, Compartment.WHITE)
_CENTRE, _SEMI_AXES = (42.0, -2.0, 14.0), (36.0, 58.0, 40.0)
"""Territory of the middle cerebral artery (x, y, z) [mm]."""


@dataclass(frozen=True)
class SimulatedLesion:
    """Core and penumbra: two level sets of one field over the territory."""

    side: int
    """−1 right, +1 left."""
    centre: tuple[float, float, float]
    """(x, y, z) [mm]."""
    ragged: SmoothField
    core_level: float = -np.inf
    penumbra_level: float = -np.inf

    @classmethod
    def draw(cls, random: np.random.Generator) -> "SimulatedLesion":
        """A lesion of zero volume at a random position in one territory."""
        return cls(
            side=int(random.choice([-1, 1])),
            centre=tuple(random.normal(_CENTRE, (5.0, 14.0, 9.0))),
            ragged=SmoothField(14.0, random),
        )

    def territory(self, anatomy: Anatomy, grid: Grid) -> Bool[np.ndarray, "z y x"]:
        """Points in the territory of the occluded artery."""
        z, y, x = anatomy.head_axes(grid)
        (cx, cy, cz), (a, b, c) = _CENTRE, _SEMI_AXES
        return ((self.side * x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 < 1

    def field(self, anatomy: Anatomy, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """Order in which points are lost: distance from the lesion's centre plus a random field."""
        z, y, x = anatomy.head_axes(grid)
        cx, cy, cz = self.centre
        distance = np.sqrt((self.side * x - cx) ** 2 + (0.8 * (y - cy)) ** 2 + (z - cz) ** 2) / 30
        return distance + 0.15 * self.ragged.on(grid)

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
        tissue = np.isin(label, _TISSUES) & self.territory(anatomy, grid)
        field = np.sort(self.field(anatomy, grid)[tissue])
        last_core = min(round(core_ml / grid.voxel_ml), field.size * 11 // 12)
        last = min(last_core + round(penumbra_ml / grid.voxel_ml), field.size - 1)
        return SimulatedLesion(self.side, self.centre, self.ragged, float(field[last_core]), float(field[last]))

    def paint(self, anatomy: Anatomy, grid: Grid, label: Int[np.ndarray, "z y x"]) -> None:
        """Label tissue within the lesion as penumbra and core, in place."""
        tissue = np.isin(label, _TISSUES) & self.territory(anatomy, grid)
        field = self.field(anatomy, grid)
        label[tissue & (field < self.penumbra_level)] += Compartment.GREY_PENUMBRA - Compartment.GREY
        label[tissue & (field < self.core_level)] += Compartment.GREY_CORE - Compartment.GREY_PENUMBRA


def cbv_map(
    label: Int[np.ndarray, "z y x"],
    variation: Float[np.ndarray, "z y x"],
    perfusion: dict[Compartment, Perfusion],
) -> Float[np.ndarray, "z y x"]:
    """Noise-free CBV [mL/100 mL]; infinite where there is no tissue."""
    cbv = np.full(label.shape, np.inf, dtype=np.float32)
    for tissue, p in perfusion.items():
        inside = label == tissue
        cbv[inside] = per_100_ml(p.cbv) * variation[inside]
    return cbv


def local_variation(
    texture: Float[np.ndarray, "z y x"],
    label: Int[np.ndarray, "z y x"],
    perfusion: dict[Compartment, Perfusion],
) -> Float[np.ndarray, "z y x"]:
    """Local factor on CBF and CBV within ±`VARIATION`, limited so that viable tissue stays viable."""
    variation = 1 + VARIATION * np.clip(texture, -1, 1)
    for tissue, p in perfusion.items():
        if tissue not in (Compartment.GREY_CORE, Compartment.WHITE_CORE):
            inside = label == tissue
            variation[inside] = np.maximum(variation[inside], LEAST_VIABLE_CBV / p.cbv)
    return variation
