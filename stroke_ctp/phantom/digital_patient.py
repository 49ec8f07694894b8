"""One digital patient: drawn at random, scanned by a protocol."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.hemodynamics.core_and_penumbra import CORE_CBV
from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.contrast_curves import Bolus, draw_bolus
from stroke_ctp.phantom.head_motion import draw_motion
from stroke_ctp.phantom.scanner import Protocol, acquire, rendering_grid
from stroke_ctp.phantom.simulated_lesion import SimulatedLesion, cbv_map, local_variation
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import (
    ENHANCING,
    Compartment,
    Perfusion,
    draw_baseline,
    draw_perfusion,
    enhancement_curves,
)

BRAIN_GRID = Grid(z=np.arange(-65.0, 65.1, 2.5), y=np.arange(-100.0, 100.1, 2.5), x=np.arange(-80.0, 80.1, 2.5))
"""Grid on which volumes of the whole brain are measured."""


@dataclass(frozen=True)
class DigitalPatient:
    """A head with a known perfusion."""

    anatomy: Anatomy
    lesion: SimulatedLesion
    perfusion: dict[Compartment, Perfusion]
    bolus: Bolus
    baseline: Float[np.ndarray, " compartment"]
    """Attenuation of each compartment without contrast [HU]."""

    @classmethod
    def draw(cls, core_ml: float, random: np.random.Generator) -> "DigitalPatient":
        """A patient with a core of about `core_ml` [mL], less where the artery's territory ends.

        The penumbra's volume is log-normal around 70 mL (an assumption).
        """
        anatomy, lesion = Anatomy.draw(random), SimulatedLesion.draw(random)
        label, _ = anatomy.compartments(BRAIN_GRID, lesion.side)
        penumbra_ml = 70 * np.exp(0.5 * random.normal())
        return cls(
            anatomy=anatomy,
            lesion=lesion.grown(anatomy, BRAIN_GRID, label, core_ml, penumbra_ml),
            perfusion=draw_perfusion(random),
            bolus=draw_bolus(random),
            baseline=draw_baseline(random),
        )

    def painted(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Compartment of every point, lesion included, and the local factor on its perfusion."""
        label, _ = self.anatomy.compartments(grid, self.lesion.side)
        self.lesion.paint(self.anatomy, grid, label)
        return label, local_variation(self.anatomy.texture.on(grid), label, self.perfusion)

    def core(self) -> Bool[np.ndarray, "z y x"]:
        """Voxels of `BRAIN_GRID` in the affected territory with a noise-free CBV below `CORE_CBV`."""
        label, variation = self.painted(BRAIN_GRID)
        low = cbv_map(label, variation, self.perfusion) < CORE_CBV
        return low & self.lesion.territory(self.anatomy, BRAIN_GRID)

    def core_ml(self) -> float:
        """Core volume of the whole brain [mL]."""
        return int(self.core().sum()) * BRAIN_GRID.voxel_ml

    def segmented_core(self, volume_ml: float, random: np.random.Generator) -> Bool[np.ndarray, "z y x"]:
        """A core of a given volume [mL], at most the territory, as another observer would draw it on `BRAIN_GRID`."""
        label, _ = self.anatomy.compartments(BRAIN_GRID, self.lesion.side)
        tissue = np.isin(label, (Compartment.GREY, Compartment.WHITE))
        tissue &= self.lesion.territory(self.anatomy, BRAIN_GRID)
        opinion = self.lesion.field(self.anatomy, BRAIN_GRID) + 0.1 * SmoothField(10.0, random).on(BRAIN_GRID)
        rank = np.full(label.shape, label.size)
        rank[tissue] = np.argsort(np.argsort(opinion[tissue]))
        return rank < round(volume_ml / BRAIN_GRID.voxel_ml)

    def scan(self, protocol: Protocol, random: np.random.Generator) -> Float[np.ndarray, "time slice height width"]:
        """Frames of one slab in patient axes [HU]."""
        grid = rendering_grid(protocol)
        label, variation = self.painted(grid)
        tissue = (label >= Compartment.GREY) & (label <= Compartment.WHITE_CORE)
        amount = np.where(tissue, variation, 1).astype(np.float32)
        return acquire(
            baseline=self.baseline[label].astype(np.float32),
            amounts=np.stack([amount * (label == compartment) for compartment in ENHANCING]),
            curves=enhancement_curves(self.bolus, self.perfusion),
            protocol=protocol,
            motion=draw_motion(protocol.n_frames, random),
            random=random,
        )
