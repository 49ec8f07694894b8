"""Conventional perfusion analysis of a standard series."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import PIXEL_MM, STANDARD_TIMES
from stroke_ctp.hemodynamics.bolus_passage import BolusPassage, find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import Lesion, segment_lesion
from stroke_ctp.hemodynamics.maps import Maps, perfusion_maps


@dataclass(frozen=True)
class LevelAnalysis:
    """Results of the analysis of both levels."""

    passage: BolusPassage
    maps: Maps
    lesion: Lesion


def analyse_levels(series: Float[np.ndarray, "level time height width"]) -> LevelAnalysis:
    """Analyse both levels as the slices of a scan.

    Args:
        series: Standard series [HU].

    Raises:
        Excluded: Perfusion cannot be measured, with the reason.
    """
    hu = np.asarray(series, np.float32).swapaxes(0, 1)
    pixel_mm = (PIXEL_MM, PIXEL_MM)
    passage = find_bolus_passage(hu, STANDARD_TIMES, pixel_mm)
    maps = perfusion_maps(passage, pixel_mm)
    return LevelAnalysis(passage, maps, segment_lesion(maps, pixel_mm))
