"""One digital patient: drawn at random, scanned by a protocol."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.contrast_curves import Bolus, draw_bolus
from stroke_ctp.phantom.enhancement import enhancement
from stroke_ctp.phantom.final_infarct import Course
from stroke_ctp.phantom.head_motion import draw_motion
from stroke_ctp.phantom.old_lesions import OldLesions
from stroke_ctp.phantom.perfusion_field import LocalVariation, PerfusionField, perfuse
from stroke_ctp.phantom.scanner import Protocol, acquire, rendering_grid
from stroke_ctp.phantom.simulated_lesion import SimulatedLesion
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import HEALTHY, Compartment, Perfusion, draw_baseline, draw_perfusion

BRAIN_GRID = Grid(z=np.arange(-65.0, 65.1, 2.5), y=np.arange(-100.0, 100.1, 2.5), x=np.arange(-80.0, 80.1, 2.5))
"""Grid on which volumes of the whole brain are measured."""
_CORE = (Compartment.GREY_CORE, Compartment.WHITE_CORE)
_HYPOPERFUSED = (Compartment.GREY_PENUMBRA, Compartment.WHITE_PENUMBRA, *_CORE)
_WHITE = (Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE)
_MOST_HYPODENSE_HU = 8.0
"""By which early ischemia lowers the attenuation of a core at most: 1.8 HU for 1 % of water (Dzialowski et al.,
J Neuroimaging 2004;14:42); uniform from 0 over patients (assumed)."""


@dataclass(frozen=True)
class PaintedHead:
    """A head at the points of a grid, with everything that is true of it."""

    label: Int[np.ndarray, "z y x"]
    """Compartment, lesion included."""
    baseline: Float[np.ndarray, "z y x"]
    """Attenuation without contrast [HU]."""
    perfusion: PerfusionField

    @property
    def core(self) -> Bool[np.ndarray, "z y x"]:
        """Tissue lost at the time of the scan."""
        return np.isin(self.label, _CORE)

    @property
    def hypoperfused(self) -> Bool[np.ndarray, "z y x"]:
        """Core and penumbra."""
        return np.isin(self.label, _HYPOPERFUSED)


@dataclass(frozen=True)
class DigitalPatient:
    """A head with a known perfusion."""

    anatomy: Anatomy
    lesion: SimulatedLesion
    old: OldLesions
    perfusion: dict[Compartment, Perfusion]
    variation: LocalVariation
    bolus: Bolus
    baseline: Float[np.ndarray, " compartment"]
    """Attenuation of each compartment without contrast [HU]."""
    hypodensity: float
    """By which attenuation is lower deep in the core [HU]."""
    course: Course
    """Of the stroke; its collaterals have shaped the perfusion."""

    @classmethod
    def draw(cls, core_ml: float, random: np.random.Generator) -> "DigitalPatient":
        """A patient with a core of about `core_ml` [mL], less where the artery's territory ends.

        The penumbra's volume is log-normal around 70 mL (an assumption). Each part has a random stream of its own, so
        that a change in one leaves the others as they are.
        """
        shape, place, past, flow, patches, injection, density, fate = random.spawn(8)
        anatomy, lesion, old = Anatomy.draw(shape), SimulatedLesion.draw(place), OldLesions.draw(past)
        label, _ = anatomy.compartments(BRAIN_GRID, lesion.side)
        old.paint(anatomy, BRAIN_GRID, label)
        penumbra_ml = 70 * np.exp(0.5 * place.normal())
        course = Course.draw(core_ml, fate)
        return cls(
            anatomy=anatomy,
            lesion=lesion.grown(anatomy, BRAIN_GRID, label, core_ml, penumbra_ml),
            old=old,
            perfusion=draw_perfusion(course.collaterals, flow),
            variation=LocalVariation.draw(patches),
            bolus=draw_bolus(injection),
            baseline=draw_baseline(density),
            hypodensity=density.uniform(0, _MOST_HYPODENSE_HU),
            course=course,
        )

    def painted(self, grid: Grid) -> PaintedHead:
        """Compartment, attenuation and perfusion of every point."""
        label = self._label(grid)
        severity = self.lesion.severity(self.anatomy, grid)
        sick = self.old.leukoaraiosis(self.anatomy, grid) * np.isin(label, _WHITE)
        deep = np.clip(severity - 1, 0, 1) * np.isin(label, _CORE)
        baseline = self.baseline[label] - self.old.darker_hu * sick - self.hypodensity * deep
        field = perfuse(label, severity, self.perfusion, self.variation, grid)
        field = PerfusionField(field.cbv * (1 - self.old.less_cbv * sick), field.mtt, field.delay)
        return PaintedHead(label, baseline.astype(np.float32), field)

    def _label(self, grid: Grid) -> Int[np.ndarray, "z y x"]:
        """Compartment of every point, old and new lesions included."""
        label, _ = self.anatomy.compartments(grid, self.lesion.side)
        self.old.paint(self.anatomy, grid, label)
        self.lesion.paint(self.anatomy, grid, label)
        return label

    def core(self) -> Bool[np.ndarray, "z y x"]:
        """Voxels of `BRAIN_GRID` that are lost at the time of the scan."""
        return np.isin(self._label(BRAIN_GRID), _CORE)

    def core_ml(self) -> float:
        """Core volume of the whole brain [mL]."""
        return int(self.core().sum()) * BRAIN_GRID.voxel_ml

    def infarct_ml(self) -> float:
        """Volume of the final infarct [mL]."""
        label = self._label(BRAIN_GRID)
        core, hypoperfused = (
            int(np.isin(label, kinds).sum()) * BRAIN_GRID.voxel_ml for kinds in (_CORE, _HYPOPERFUSED)
        )
        return self.course.infarct_ml(core, hypoperfused - core)

    def segmented(self, volume_ml: float, random: np.random.Generator) -> Bool[np.ndarray, "z y x"]:
        """A lesion of a given volume [mL], at most the territory, as another observer would draw it on `BRAIN_GRID`."""
        label, _ = self.anatomy.compartments(BRAIN_GRID, self.lesion.side)
        self.old.paint(self.anatomy, BRAIN_GRID, label)
        tissue = np.isin(label, HEALTHY) & self.lesion.territory(self.anatomy, BRAIN_GRID)
        opinion = self.lesion.field(self.anatomy, BRAIN_GRID) + 0.1 * SmoothField(10.0, random).on(BRAIN_GRID)
        rank = np.full(label.shape, label.size)
        rank[tissue] = np.argsort(np.argsort(opinion[tissue]))
        return rank < round(volume_ml / BRAIN_GRID.voxel_ml)

    def scan(self, protocol: Protocol, random: np.random.Generator) -> Float[np.ndarray, "time slice height width"]:
        """Frames of one slab in patient axes, of a head that moves as some do [HU]."""
        return self.scan_moving(protocol, draw_motion(protocol.n_frames, random), random)

    def scan_moving(
        self, protocol: Protocol, motion: Float[np.ndarray, "time 6"] | None, random: np.random.Generator
    ) -> Float[np.ndarray, "time slice height width"]:
        """Frames of one slab in patient axes [HU].

        Args:
            protocol: Slices, timing and noise.
            motion: Of the head in each frame, as `head_motion.draw_motion` gives it; None for a head at rest.
            random: For the noise.
        """
        head = self.painted(rendering_grid(protocol))
        collateral_delay = self.perfusion[Compartment.GREY_PENUMBRA].delay
        curves, amounts = enhancement(self.bolus, head.perfusion, head.label, collateral_delay, protocol.times)
        return acquire(
            baseline=head.baseline,
            amounts=amounts,
            curves=curves,
            protocol=protocol,
            motion=motion,
            random=random,
        )
