"""Lesion and core area of a standard series by conventional perfusion analysis."""

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import PIXEL_MM, STANDARD_TIMES
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import Lesion, segment_lesion
from stroke_ctp.hemodynamics.maps import perfusion_maps


def core_area(series: Float[np.ndarray, "level time height width"], definition: str) -> float:
    """Area of the core at both levels, by the analysis of whole scans [cm²].

    Args:
        series: Standard series [HU].
        definition: cbv or rcbf, a key of `core_and_penumbra.DEFINITIONS`.

    Returns:
        Sum over the levels; NaN where perfusion cannot be measured.

    Example:
        >>> from stroke_ctp import core_area, read_manifest, standard_series
        >>> series = standard_series(read_manifest("manifest.csv")[0])
        >>> 10 < core_area(series.hu, "cbv") < 30
        True
    """
    try:
        lesion = series_lesion(series)
    except Excluded:
        return float("nan")
    return int(lesion.core[definition].sum()) * PIXEL_MM**2 / 100


def series_lesion(series: Float[np.ndarray, "level time height width"]) -> Lesion:
    """Core and late tissue at both levels, by the analysis of whole scans.

    Args:
        series: Standard series [HU].

    Raises:
        Excluded: Perfusion cannot be measured.
    """
    hu = np.asarray(series, np.float32).swapaxes(0, 1)
    pixel_mm = (PIXEL_MM, PIXEL_MM)
    passage = find_bolus_passage(hu, STANDARD_TIMES, pixel_mm)
    return segment_lesion(perfusion_maps(passage, pixel_mm), pixel_mm)
