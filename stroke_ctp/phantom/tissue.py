"""Compartments of the head: perfusion, and attenuation without contrast."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import AIR_HU
from stroke_ctp.hemodynamics.kinetics import tissue_curve
from stroke_ctp.phantom.contrast_curves import STEP, Bolus, arterial_curve, venous_curve


class Compartment(IntEnum):
    """Compartment of a point of the head. From `GREY` on, compartments enhance."""

    AIR = 0
    SCALP = 1
    SKULL = 2
    CSF = 3
    GREY = 4
    WHITE = 5
    GREY_PENUMBRA = 6
    WHITE_PENUMBRA = 7
    GREY_CORE = 8
    WHITE_CORE = 9
    ARTERY = 10
    COLLATERAL_ARTERY = 11
    VEIN = 12


ENHANCING = tuple(c for c in Compartment if c >= Compartment.GREY)


@dataclass(frozen=True)
class Perfusion:
    """Perfusion of one tissue."""

    cbf: float
    """[mL/100 g/min]"""
    cbv: float
    """[mL/100 g]"""
    delay: float
    """Behind the artery [s]."""

    @property
    def mtt(self) -> float:
        """Mean transit time [s]."""
        return 60 * self.cbv / self.cbf


PUBLISHED = {
    Compartment.GREY: Perfusion(53.0, 3.3, 0.5),
    Compartment.WHITE: Perfusion(25.0, 1.9, 0.5),
    Compartment.GREY_PENUMBRA: Perfusion(16.0, 3.0, 4.0),
    Compartment.WHITE_PENUMBRA: Perfusion(7.5, 1.7, 8.0),
    Compartment.GREY_CORE: Perfusion(5.3, 0.71, 9.0),
    Compartment.WHITE_CORE: Perfusion(2.5, 0.42, 12.0),
}
"""Manhart et al., digital brain perfusion phantom (IEEE TMI 2013), after Riordan et al. (Med Phys 2011)."""

VARIATION = 0.1
"""Half width of the spread of perfusion between patients, and of that between places: ±20 % together."""
LEAST_VIABLE_CBV = 1.4
"""Healthy tissue and penumbra stay above this CBV [mL/100 g], clear of the core's threshold."""


def draw_perfusion(random: np.random.Generator) -> dict[Compartment, Perfusion]:
    """Perfusion of one patient's tissues: the published values, CBV and MTT spread by `VARIATION`.

    Healthy tissue enhances 0 to 1 s after the artery.
    """
    drawn = {}
    for tissue, published in PUBLISHED.items():
        cbv = published.cbv * random.uniform(1 - VARIATION, 1 + VARIATION)
        mtt = published.mtt * random.uniform(1 - VARIATION, 1 + VARIATION)
        if tissue not in (Compartment.GREY_CORE, Compartment.WHITE_CORE):
            cbv = max(cbv, LEAST_VIABLE_CBV)
        healthy = tissue in (Compartment.GREY, Compartment.WHITE)
        delay = random.uniform(0, 1) if healthy else published.delay * random.uniform(0.8, 1.2)
        drawn[tissue] = Perfusion(cbf=60 * cbv / mtt, cbv=cbv, delay=delay)
    return drawn


def draw_baseline(random: np.random.Generator) -> Float[np.ndarray, " compartment"]:
    """Attenuation of each compartment before contrast [HU]: grey 35 ± 3, white 29 ± 3, CSF 12 ± 3.

    Blood 40, bone about 1000, air −1000; the scalp's 20 HU, between fat and muscle, is an assumption.
    """
    grey, white, csf = random.normal([35, 29, 12], 3)
    baseline = np.empty(len(Compartment))
    baseline[[Compartment.AIR, Compartment.SCALP, Compartment.CSF]] = AIR_HU, 20, csf
    baseline[Compartment.SKULL] = random.normal(1000, 50)
    baseline[[Compartment.GREY, Compartment.GREY_PENUMBRA, Compartment.GREY_CORE]] = grey
    baseline[[Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE]] = white
    baseline[[Compartment.ARTERY, Compartment.COLLATERAL_ARTERY, Compartment.VEIN]] = 40
    return baseline


def enhancement_curves(bolus: Bolus, perfusion: dict[Compartment, Perfusion]) -> Float[np.ndarray, "enhancing time"]:
    """Enhancement of each compartment in `ENHANCING` [HU], every `STEP` seconds.

    Arteries beyond the occlusion fill through collaterals, with the delay of the grey penumbra that they supply.
    """
    arterial = arterial_curve(bolus)
    times = np.arange(arterial.size) * STEP
    collateral_delay = perfusion[Compartment.GREY_PENUMBRA].delay
    curves = {
        Compartment.ARTERY: arterial,
        Compartment.COLLATERAL_ARTERY: np.interp(times - collateral_delay, times, arterial, left=0.0),
        Compartment.VEIN: venous_curve(bolus),
    }
    for tissue, p in perfusion.items():
        curves[tissue] = tissue_curve(arterial, STEP, p.cbf, p.mtt, p.delay)
    return np.stack([curves[compartment] for compartment in ENHANCING])
