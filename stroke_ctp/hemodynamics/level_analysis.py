"""Conventional perfusion analysis of a standard series."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from stroke_ctp.common.geometry import PIXEL_MM, STANDARD_TIMES
from stroke_ctp.hemodynamics.bolus_passage import BolusPassage, find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import Lesion, segment_lesion
from stroke_ctp.hemodynamics.maps import Maps, perfusion_maps
from stroke_ctp.scan.time_resampling import acquired_after_first


@dataclass(frozen=True)
class LevelAnalysis:
    """Results of the analysis of both levels."""

    passage: BolusPassage
    maps: Maps
    lesion: Lesion


def analyse_levels(series: Float[np.ndarray, "level time height width"]) -> LevelAnalysis:
    """Analyse both levels as the slices of a scan.

    Frames that hold the last one of a short scan are left out: they would hide that the scan ended.

    Args:
        series: Standard series [HU].

    Raises:
        Excluded: Perfusion cannot be measured, with the reason.
    """
    hu = np.asarray(series, np.float32)
    n_acquired = _count_acquired(hu)
    pixel_mm = (PIXEL_MM, PIXEL_MM)
    passage = find_bolus_passage(hu[:, :n_acquired].swapaxes(0, 1), STANDARD_TIMES[:n_acquired], pixel_mm)
    maps = perfusion_maps(passage, pixel_mm)
    return LevelAnalysis(passage, maps, segment_lesion(maps, pixel_mm))


def _count_acquired(hu: Float32[np.ndarray, "level time height width"]) -> int:
    """Leading frames that were acquired at all levels; a level that never changes ends nowhere."""
    later = acquired_after_first(hu)
    return 1 + int(later[later.any(axis=1)].all(axis=0).sum())
