"""Compartments of the head: their perfusion and their attenuation without contrast, in one patient."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import AIR_HU


class Compartment(IntEnum):
    """Compartment of a point of the head. Tissue, which is perfused, runs from `GREY` to `WHITE_CORE`."""

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
    OLD_INFARCT = 13
    """Scar and fluid, not perfused."""


HEALTHY = (Compartment.GREY, Compartment.WHITE)


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
"""Half width of the spread of CBV and MTT between patients."""
_COLLATERAL_CBV, _COLLATERAL_MTT, _COLLATERAL_DELAY = 0.25, -0.25, -0.4
"""Logarithm of what the best collaterals make of ischemic tissue's values, and the worst of their inverse.

With good collaterals relative CBV is higher and delay shorter (39 patients, PMC7410580), and the share of tissue with a
long delay falls, r = −0.64 (94 patients, PMC8003946). The sizes are assumptions.
"""
_DARK_WHITE = 0.06
"""Share of patients with white matter of 20 to 24 HU, which the usual spread does not reach (assumed)."""


def draw_perfusion(collaterals: float, random: np.random.Generator) -> dict[Compartment, Perfusion]:
    """Perfusion of one patient's tissues: published values, CBV and MTT spread by `VARIATION`.

    Healthy tissue enhances 0 to 1 s after the artery.

    Args:
        collaterals: From 0, worst, to 1, best; at 0.5 ischemic tissue has the published values.
        random: For the patient's own values.
    """
    drawn, better = {}, 2 * collaterals - 1
    for tissue, published in PUBLISHED.items():
        cbv = published.cbv * random.uniform(1 - VARIATION, 1 + VARIATION)
        mtt = published.mtt * random.uniform(1 - VARIATION, 1 + VARIATION)
        if tissue in HEALTHY:
            delay = random.uniform(0, 1)
        else:
            delay = published.delay * random.uniform(0.8, 1.2) * np.exp(_COLLATERAL_DELAY * better)
            cbv, mtt = cbv * np.exp(_COLLATERAL_CBV * better), mtt * np.exp(_COLLATERAL_MTT * better)
        drawn[tissue] = Perfusion(cbf=60 * cbv / mtt, cbv=cbv, delay=delay)
    return drawn


def draw_baseline(random: np.random.Generator) -> Float[np.ndarray, " compartment"]:
    """Attenuation of each compartment before contrast [HU]: grey 35 ± 3, white 29 ± 3, CSF 12 ± 3.

    White matter is darker than that in `_DARK_WHITE` of the patients. Blood 40, bone about 1000, air −1000; the scalp's
    20 HU, between fat and muscle, and an old infarct's 8 to 18 HU, near fluid, are assumptions.
    """
    grey, white, csf = random.normal([35, 29, 12], 3)
    dark, very_dark = random.random() < _DARK_WHITE, random.uniform(20, 24)
    baseline = np.empty(len(Compartment))
    baseline[[Compartment.AIR, Compartment.SCALP, Compartment.CSF]] = AIR_HU, 20, csf
    baseline[Compartment.SKULL] = random.normal(1000, 50)
    baseline[[Compartment.GREY, Compartment.GREY_PENUMBRA, Compartment.GREY_CORE]] = grey
    baseline[[Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE]] = very_dark if dark else white
    baseline[[Compartment.ARTERY, Compartment.COLLATERAL_ARTERY, Compartment.VEIN]] = 40
    baseline[Compartment.OLD_INFARCT] = random.uniform(8, 18)
    return baseline
