"""What clinicians read from a lesion: volumes, mismatch, collaterals, eligibility by imaging."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from stroke_ctp.hemodynamics.core_and_penumbra import Lesion, vessels
from stroke_ctp.hemodynamics.lesion_definitions import TMAX_LEVELS
from stroke_ctp.hemodynamics.maps import Maps

NORMAL_TMAX, _, _LATE_TMAX, _LATEST_TMAX = TMAX_LEVELS
"""Tissue with a Tmax up to this is normally perfused [s] (Olivot et al., Stroke 2009)."""
DEFUSE3_CORE_ML, DEFUSE3_RATIO, DEFUSE3_MISMATCH_ML = 70.0, 1.8, 15.0
"""Core below, mismatch ratio and mismatch volume at or above: target mismatch of DEFUSE 3 (Albers et al., N Engl J Med
2018)."""


@dataclass(frozen=True)
class Readouts:
    """Numbers of one scan; None where one is not defined. Large vessels do not count."""

    core_cbv_ml: float
    """CBV < 1.2 mL/100 mL [mL]."""
    core_rcbf_ml: float
    """CBF < 30 % of the other hemisphere [mL]."""
    tmax4_ml: float
    """Tmax > 4 s [mL]."""
    hypoperfused_ml: float
    """Tmax > 6 s [mL]."""
    tmax8_ml: float
    """Tmax > 8 s [mL]."""
    tmax10_ml: float
    """Tmax > 10 s [mL]."""
    penumbra_ml: float
    """Hypoperfused tissue outside both cores [mL]."""
    mismatch_cbv: float | None
    """Hypoperfused tissue over the CBV core; None without a core."""
    mismatch_rcbf: float | None
    """The same over the core by relative CBF."""
    mismatch_cbv_ml: float
    """Hypoperfused tissue minus the CBV core [mL]."""
    mismatch_rcbf_ml: float
    """The same with the core by relative CBF [mL]."""
    hypoperfusion_intensity_ratio: float | None
    """Tmax > 10 s over Tmax > 6 s (Olivot et al., Stroke 2014); None without hypoperfused tissue."""
    cbv_index: float | None
    """Mean CBV of hypoperfused over that of normal tissue, after the relative CBV of hypoperfused tissue of Arenillas
    et al. (J Cereb Blood Flow Metab 2018); what is normal is assumed. None without hypoperfused tissue."""
    defuse3_eligible: bool
    """Target mismatch of DEFUSE 3, by the core of relative CBF."""

    @property
    def core_ml(self) -> dict[str, float]:
        """Volume of the core by each of `lesion_definitions.DEFINITIONS` [mL]."""
        return {"cbv": self.core_cbv_ml, "rcbf": self.core_rcbf_ml}


def clinical_readouts(lesion: Lesion, maps: Maps, spacing: tuple[float, float, float]) -> Readouts:
    """Measure a lesion.

    Args:
        lesion: From `segment_lesion`.
        maps: Of the same scan.
        spacing: Distance between slices, rows and columns [mm].
    """

    def ml(mask: Bool[np.ndarray, "slice height width"]) -> float:
        return round(int(mask.sum()) * float(np.prod(spacing)) / 1000, 3)

    cbv_core, rcbf_core = ml(lesion.core["cbv"]), ml(lesion.core["rcbf"])
    late = {level: ml(mask) for level, mask in lesion.late.items()}
    hypoperfused = ml(lesion.hypoperfused)
    return Readouts(
        core_cbv_ml=cbv_core,
        core_rcbf_ml=rcbf_core,
        tmax4_ml=late[NORMAL_TMAX],
        hypoperfused_ml=hypoperfused,
        tmax8_ml=late[_LATE_TMAX],
        tmax10_ml=late[_LATEST_TMAX],
        penumbra_ml=ml(lesion.penumbra),
        mismatch_cbv=_ratio(hypoperfused, cbv_core),
        mismatch_rcbf=_ratio(hypoperfused, rcbf_core),
        mismatch_cbv_ml=round(hypoperfused - cbv_core, 3),
        mismatch_rcbf_ml=round(hypoperfused - rcbf_core, 3),
        hypoperfusion_intensity_ratio=_ratio(late[_LATEST_TMAX], hypoperfused),
        cbv_index=_cbv_index(lesion, maps),
        defuse3_eligible=is_target_mismatch(rcbf_core, hypoperfused),
    )


def is_target_mismatch(core_ml: float, hypoperfused_ml: float) -> bool:
    """Whether volumes meet the imaging criteria of DEFUSE 3; without a core any ratio is met.

    Args:
        core_ml: CBF below 30 % of the other hemisphere's [mL].
        hypoperfused_ml: Tmax above 6 s [mL].
    """
    enough = hypoperfused_ml - core_ml >= DEFUSE3_MISMATCH_ML and hypoperfused_ml >= DEFUSE3_RATIO * core_ml
    return core_ml < DEFUSE3_CORE_ML and enough


def _cbv_index(lesion: Lesion, maps: Maps) -> float | None:
    normal = (maps.healthy | maps.affected) & (maps.tmax <= NORMAL_TMAX) & ~vessels(maps)
    if not lesion.hypoperfused.any() or not normal.any():
        return None
    return round(float(maps.cbv[lesion.hypoperfused].mean() / maps.cbv[normal].mean()), 3)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole else None
