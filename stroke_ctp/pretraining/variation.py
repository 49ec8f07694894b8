"""How perfusion and attenuation vary between training patients, and within one.

`docs/pretraining.md` gives the source of each range, or says that it is an assumption.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.phantom.smooth_field import SmoothField
from stroke_ctp.phantom.tissue import PUBLISHED, Compartment

VIABLE_CBV = 1.4
"""CBV that tissue outside the core keeps in half of the patients [mL/100 g], clear of the core's threshold."""


@dataclass(frozen=True)
class Tissue:
    """Perfusion of grey or white matter: healthy, in the penumbra, in the core."""

    cbv: Float[np.ndarray, "3"]
    """[mL/100 g]"""
    mtt: Float[np.ndarray, "3"]
    """[s]"""
    delay: Float[np.ndarray, "3"]
    """Behind the artery [s]."""

    @classmethod
    def draw(cls, kinds: tuple[Compartment, ...], healthy_delay: float, random: np.random.Generator) -> "Tissue":
        """Published values, spread by a quarter; a core's CBV by a half, but clear of what survives."""
        published = [PUBLISHED[kind] for kind in kinds]
        spread = np.array([0.22, 0.22, 0.4])
        cbv = np.array([p.cbv for p in published]) * np.exp(random.uniform(-spread, spread))
        mtt = np.array([p.mtt for p in published]) * np.exp(random.uniform(-0.25, 0.25, 3))
        delay = np.array([p.delay for p in published]) * random.uniform(0.7, 1.3, 3)
        delay[0] = healthy_delay
        cbv[2] = min(cbv[2], 1.1)
        return cls(cbv, mtt, delay)


@dataclass(frozen=True)
class Hemisphere:
    """A hemisphere behind a narrow carotid artery: late without a core."""

    side: float
    late: float
    """[s]; 0 without a stenosis."""
    slower: float
    """Factor on the mean transit time."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Hemisphere":
        """A stenosis in a fifth of patients."""
        narrow, side = random.random() < 0.2, float(random.choice([-1.0, 1.0]))
        late, slower = random.uniform(1, 4), random.uniform(1, 1.4)
        return cls(side, late, slower) if narrow else cls(side, 0.0, 1.0)


@dataclass(frozen=True)
class Leukoaraiosis:
    """White matter that is darker and less perfused."""

    extent: float
    """From 0 to 1."""
    darker: float
    """[HU]"""
    less: float
    """Share of flow that is lost; blood volume loses 0.6 of it."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Leukoaraiosis":
        """In a fifth of patients."""
        found, extent = random.random() < 0.2, random.uniform(0.2, 1.0)
        return cls(extent if found else 0.0, random.uniform(2, 9), random.uniform(0.1, 0.4))


@dataclass(frozen=True)
class Attenuation:
    """Of tissue without contrast [HU]."""

    grey: float
    white: float
    csf: float
    core: float
    """By how much a core is darker."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Attenuation":
        """Grey 35 ± 3, white 29 ± 3 or down to 19, fluid 12 ± 3; every second core up to 8 darker."""
        white = random.normal(29, 3) if random.random() < 0.7 else random.uniform(19, 30)
        core = random.uniform(0, 8) if random.random() < 0.5 else 0.0
        return cls(random.normal(35, 3), white, random.normal(12, 3), core)


@dataclass(frozen=True)
class Texture:
    """How perfusion varies from place to place."""

    blood: SmoothField
    transit: SmoothField
    patches: SmoothField
    """Of delay, of leukoaraiosis, and of the outlines of spots."""
    blood_sd: float
    """Of the logarithm of CBV."""
    transit_sd: float
    """Of the logarithm of MTT."""
    viable: bool
    """Whether tissue outside the core keeps a CBV of `VIABLE_CBV`."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Texture":
        """From hardly any to so much that healthy white matter lies below the core's threshold."""
        blood = SmoothField(random.uniform(6, 18), random)
        transit, patches = SmoothField(random.uniform(8, 25), random), SmoothField(25.0, random)
        viable = bool(random.random() < 0.5)
        return cls(blood, transit, patches, random.uniform(0.03, 0.25), random.uniform(0.0, 0.2), viable)
