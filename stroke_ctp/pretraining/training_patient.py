"""Training patients: the phantom's heads with perfusion, lesions and findings spread towards those of a clinic."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from stroke_ctp.hemodynamics.kinetics import per_100_ml
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV
from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.contrast_curves import Bolus
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.pretraining.acquisition import draw_wide_bolus
from stroke_ctp.pretraining.findings import Shape, Spot, draw_spots
from stroke_ctp.pretraining.lesions import Focus, draw_foci
from stroke_ctp.pretraining.variation import VIABLE_CBV, Attenuation, Hemisphere, Leukoaraiosis, Texture, Tissue

Points = Float[np.ndarray, "z y x"]
_GREY = (Compartment.GREY, Compartment.GREY_PENUMBRA, Compartment.GREY_CORE)
_WHITE = (Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE)


@dataclass(frozen=True)
class TissueMap:
    """What points hold."""

    baseline: Points
    """[HU]"""
    cbv: Points
    """[mL/100 g]; 0 where there is no tissue."""
    mtt: Points
    """[s]"""
    delay: Points
    """[s]"""
    tissue: Bool[np.ndarray, "z y x"]
    """Grey or white matter."""
    core: Bool[np.ndarray, "z y x"]
    hypoperfused: Bool[np.ndarray, "z y x"]
    label: Int[np.ndarray, "z y x"]
    """Compartments, without penumbra and core."""


@dataclass(frozen=True)
class TrainingPatient:
    """A head of the wide distribution."""

    anatomy: Anatomy
    bolus: Bolus
    foci: list[Focus]
    grey: Tissue
    white: Tissue
    hu: Attenuation
    texture: Texture
    hemisphere: Hemisphere
    leukoaraiosis: Leukoaraiosis
    shape: Shape
    spots: list[Spot]

    @classmethod
    def draw(cls, random: np.random.Generator) -> "TrainingPatient":
        """A patient; the head may be smaller and turned more than those of the simulated cohorts."""
        size, yaw = random.uniform(0.85, 1.05), np.deg2rad(random.normal(0, 6))
        anatomy = replace(Anatomy.draw(random), size=size, yaw=yaw)
        delay = random.uniform(0, 1.5)
        return cls(
            anatomy=anatomy,
            bolus=draw_wide_bolus(random),
            foci=draw_foci(anatomy, random),
            grey=Tissue.draw(_GREY, delay, random),
            white=Tissue.draw(_WHITE, delay + random.uniform(-0.5, 0.8), random),
            hu=Attenuation.draw(random),
            texture=Texture.draw(random),
            hemisphere=Hemisphere.draw(random),
            leukoaraiosis=Leukoaraiosis.draw(random),
            shape=Shape.draw(random),
            spots=draw_spots(random),
        )

    def on(self, grid: Grid) -> TissueMap:
        """What points hold."""
        label, depth = self.anatomy.compartments(grid, self._occluded_side())
        self.shape.apply(label, depth, self.anatomy, grid)
        core, low = self._severity(grid)
        patches = self.texture.patches.on(grid)
        cbv, mtt, delay = self._perfusion(label, core, low, patches, grid)
        tissue = np.isin(label, (Compartment.GREY, Compartment.WHITE))
        is_core = tissue & (core > 0.5) & (per_100_ml(1.0) * cbv < CORE_CBV)
        held = TissueMap(
            baseline=self._baseline(label, core, self._sick(label, patches)),
            cbv=np.where(tissue, cbv, 0),
            mtt=mtt,
            delay=delay,
            tissue=tissue,
            core=is_core,
            hypoperfused=tissue & (low > 0.5) | is_core,
            label=label,
        )
        for spot in self.spots:
            inside = held.tissue & spot.inside(self.anatomy, grid, patches)
            held.baseline[inside] = spot.hu
            held.cbv[inside] *= spot.perfused
            for mask in (held.tissue, held.core, held.hypoperfused):
                mask[inside] = False
        return held

    def _occluded_side(self) -> int:
        """Of the middle cerebral artery; 0 if it is open."""
        sides = [np.sign(focus.territory[0][0]) for focus in self.foci if focus.artery == "mca"]
        return int(sides[0]) if sides else 0

    def _severity(self, grid: Grid) -> tuple[Float32[np.ndarray, "z y x"], Float32[np.ndarray, "z y x"]]:
        """Share of core and of hypoperfusion over all lesions."""
        shape = (grid.z.size, grid.y.size, grid.x.size)
        core, low = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for focus in self.foci:
            one_core, one_low = focus.shares(self.anatomy, grid)
            core, low = np.maximum(core, one_core), np.maximum(low, one_low)
        return core, np.maximum(low, core)

    def _perfusion(
        self, label: Int[np.ndarray, "z y x"], core: Points, low: Points, patches: Points, grid: Grid
    ) -> tuple[Points, Points, Points]:
        """CBV, MTT and delay, as if all points were tissue."""
        white, texture = label == Compartment.WHITE, self.texture
        cbv, mtt, delay = (self._mixed(name, white, core, low) for name in ("cbv", "mtt", "delay"))
        cbv = cbv * np.exp(texture.blood_sd * np.clip(texture.blood.on(grid), -2.5, 2.5))
        mtt = mtt * np.exp(texture.transit_sd * np.clip(texture.transit.on(grid), -2.5, 2.5))
        _, _, x = self.anatomy.head_axes(grid)
        behind = 1 / (1 + np.exp(-np.clip(self.hemisphere.side * x / 3, -30, 30)))
        delay = np.maximum(delay + 0.3 * patches + self.hemisphere.late * behind * (1 - core), 0)
        mtt = mtt * (1 + (self.hemisphere.slower - 1) * behind)
        sick, less = self._sick(label, patches), self.leukoaraiosis.less
        cbv = cbv * (1 - 0.6 * less * sick)
        mtt = mtt * (1 - 0.6 * less * sick) / (1 - less * sick)
        if texture.viable:
            cbv = np.where(core < 0.5, np.maximum(cbv, VIABLE_CBV), cbv)
        return cbv, mtt, delay

    def _sick(self, label: Int[np.ndarray, "z y x"], patches: Points) -> Points:
        """Share of leukoaraiosis."""
        share = np.clip(2 * self.leukoaraiosis.extent - 1 + patches, 0, 1)
        return share * ((label == Compartment.WHITE) & (self.leukoaraiosis.extent > 0))

    def _mixed(self, name: str, white: Bool[np.ndarray, "z y x"], core: Points, low: Points) -> Points:
        """A parameter between its healthy, penumbra and core values; geometric for CBV and MTT."""
        pairs = np.stack([getattr(self.grey, name), getattr(self.white, name)])
        if name != "delay":
            pairs = np.log(pairs)
        healthy, penumbra, dead = (np.where(white, w, g).astype(np.float32) for g, w in pairs.T)
        value = healthy + low * (penumbra - healthy)
        value = value + core * (dead - value)
        return value if name == "delay" else np.exp(value)

    def _baseline(self, label: Int[np.ndarray, "z y x"], core: Points, sick: Points) -> Points:
        """Attenuation without contrast [HU]."""
        hu = np.full(len(Compartment), 40.0, np.float32)  # blood
        hu[[Compartment.AIR, Compartment.SCALP, Compartment.SKULL]] = -1000, 20, 1000
        hu[[Compartment.CSF, Compartment.GREY, Compartment.WHITE]] = self.hu.csf, self.hu.grey, self.hu.white
        tissue = np.isin(label, (Compartment.GREY, Compartment.WHITE))
        return hu[label] - self.hu.core * core * tissue - self.leukoaraiosis.darker * sick
