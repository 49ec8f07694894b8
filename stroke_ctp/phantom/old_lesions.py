"""What an older brain brings along: leukoaraiosis and old infarcts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import HEALTHY, Compartment

_LEUKOARAIOSIS, _OLD_INFARCTS = 0.25, 0.2
"""Shares of patients: 63 of 251 with moderate to severe white matter lesions (PMC8449459), 7 of 33 with old lesions
(PMC3566554)."""


@dataclass(frozen=True)
class OldLesions:
    """Leukoaraiosis and old infarcts of one patient."""

    reach_mm: float
    """How far leukoaraiosis reaches from the lateral ventricles; 0 in most patients."""
    darker_hu: float
    """By which it lowers attenuation."""
    less_cbv: float
    """Share of CBV that it costs; CBV is lower within the lesions (J Neuropsychiatry Clin Neurosci 2004;16:83)."""
    infarcts: tuple[tuple[tuple[float, float, float], float], ...]
    """Centre (x, y, z) and radius of each old infarct [mm]."""
    ragged: SmoothField

    @classmethod
    def draw(cls, random: np.random.Generator) -> "OldLesions":
        """Extents, darkening and places are assumptions; the shares of patients are published."""
        sick = random.random() < _LEUKOARAIOSIS
        n_infarcts = int(random.integers(1, 3)) if random.random() < _OLD_INFARCTS else 0
        return cls(
            reach_mm=random.uniform(4, 14) if sick else 0.0,
            darker_hu=random.uniform(2, 7),
            less_cbv=random.uniform(0.1, 0.4),
            infarcts=tuple(_draw_infarct(random) for _ in range(n_infarcts)),
            ragged=SmoothField(10.0, random),
        )

    def leukoaraiosis(self, anatomy: Anatomy, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """How much of it is at each point, from 0 to 1, whatever the tissue."""
        if not self.reach_mm:
            return np.zeros((grid.z.size, grid.y.size, grid.x.size), np.float32)
        inside = self.reach_mm + 3 * self.ragged.on(grid) - anatomy.from_ventricles(grid)
        return np.clip(inside / 4, 0, 1).astype(np.float32)

    def paint(self, anatomy: Anatomy, grid: Grid, label: Int[np.ndarray, "z y x"]) -> None:
        """Label healthy tissue within old infarcts, in place."""
        if self.infarcts:
            label[np.isin(label, HEALTHY) & self._scarred(anatomy, grid)] = Compartment.OLD_INFARCT

    def _scarred(self, anatomy: Anatomy, grid: Grid) -> Bool[np.ndarray, "z y x"]:
        z, y, x = anatomy.head_axes(grid)
        ragged, scarred = 0.25 * self.ragged.on(grid), np.zeros((grid.z.size, grid.y.size, grid.x.size), bool)
        for (cx, cy, cz), radius in self.infarcts:
            scarred |= np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / radius + ragged < 1
        return scarred


def _draw_infarct(random: np.random.Generator) -> tuple[tuple[float, float, float], float]:
    """Anywhere in either hemisphere; lacunes and territorial ones, radius 3 to 18 mm, small ones more often."""
    x, y, z = random.uniform((8, -60, -15), (55, 65, 40))
    return (float(random.choice([-1, 1]) * x), y, z), float(np.exp(random.uniform(np.log(3), np.log(18))))
