"""Perfusion of every point of a head: continuous, where compartments are classes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.hemodynamics.kinetics import per_100_ml
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import Compartment, Perfusion

CBV_LOG_SD, MTT_LOG_SD = 0.24, 0.12
"""Spread of CBV and MTT between the places of one tissue.

With that between patients, CBV spreads by 0.25. The published phantom states 14 of 53 mL/100 g/min, 0.26, for the CBF
of grey matter (Manhart et al., IEEE TMI 2013). So some healthy white matter lies below the core's threshold of CBV.
"""
_LARGEST_SDS = 2.5
_DELAY_SD_S = 0.3
"""Between the places of one tissue [s]: an assumption."""
_PENUMBRA_FROM, _CORE_FROM = 0.75, 1.25
"""Severity at which tissue has the penumbra's values, and from which it has the core's (assumed)."""

_STATES = {
    tissue: tuple(Compartment[f"{tissue.name}{suffix}"] for suffix in ("", "_PENUMBRA", "_CORE"))
    for tissue in (Compartment.GREY, Compartment.WHITE)
}
"""A tissue's compartments: healthy, penumbra, core."""


@dataclass(frozen=True)
class PerfusionField:
    """Noise-free perfusion on a grid, zero outside tissue."""

    cbv: Float[np.ndarray, "z y x"]
    """[mL/100 mL]"""
    mtt: Float[np.ndarray, "z y x"]
    """[s]"""
    delay: Float[np.ndarray, "z y x"]
    """Behind the artery [s]."""

    @property
    def cbf(self) -> Float[np.ndarray, "z y x"]:
        """[mL/100 mL/min]"""
        return 60 * self.cbv / np.maximum(self.mtt, 1e-6)

    @property
    def tissue(self) -> Bool[np.ndarray, "z y x"]:
        """Points that are perfused."""
        return self.cbv > 0


@dataclass(frozen=True)
class LocalVariation:
    """How the perfusion of a tissue varies from place to place in one patient."""

    cbv: SmoothField
    mtt: SmoothField

    @classmethod
    def draw(cls, random: np.random.Generator) -> "LocalVariation":
        """Patches of a few cm, those of MTT and delay a little larger (assumed)."""
        return cls(SmoothField(15.0, random), SmoothField(20.0, random))

    def factors(self, grid: Grid) -> tuple[Float[np.ndarray, "z y x"], Float[np.ndarray, "z y x"]]:
        """Factors on CBV and on MTT."""
        cbv, mtt = (np.clip(field.on(grid), -_LARGEST_SDS, _LARGEST_SDS) for field in (self.cbv, self.mtt))
        return np.exp(CBV_LOG_SD * cbv), np.exp(MTT_LOG_SD * mtt)


def perfuse(
    label: Int[np.ndarray, "z y x"],
    severity: Float[np.ndarray, "z y x"],
    perfusion: dict[Compartment, Perfusion],
    variation: LocalVariation,
    grid: Grid,
) -> PerfusionField:
    """Perfusion of every point: a gradient from healthy tissue through the penumbra into the core.

    Args:
        label: Compartment of every point.
        severity: 0 at the penumbra's rim and outside, 1 at the core's edge, more inside the core.
        perfusion: Of the patient's tissues.
        variation: Between places.
        grid: The points.
    """
    cbv, mtt, delay = (np.zeros(label.shape, np.float32) for _ in range(3))
    factors = variation.factors(grid)
    for states in _STATES.values():
        inside = np.isin(label, states)
        lost = severity[inside]
        to_penumbra = np.clip(lost / _PENUMBRA_FROM, 0, 1)
        to_core = np.clip((lost - _PENUMBRA_FROM) / (_CORE_FROM - _PENUMBRA_FROM), 0, 1)
        values = [perfusion[state] for state in states]
        cbv[inside] = np.exp(_graded([np.log(per_100_ml(p.cbv)) for p in values], to_penumbra, to_core))
        mtt[inside] = np.exp(_graded([np.log(p.mtt) for p in values], to_penumbra, to_core))
        delay[inside] = _graded([p.delay for p in values], to_penumbra, to_core)
    later = _DELAY_SD_S * np.log(factors[1]) / MTT_LOG_SD
    return PerfusionField(cbv * factors[0], mtt * factors[1], np.maximum(delay + later, 0) * (cbv > 0))


def _graded(
    values: list[float], to_penumbra: Float[np.ndarray, " point"], to_core: Float[np.ndarray, " point"]
) -> Float[np.ndarray, " point"]:
    """Between the values of healthy tissue, penumbra and core."""
    healthy, penumbra, core = values
    return healthy + to_penumbra * (penumbra - healthy) + to_core * (core - penumbra)
