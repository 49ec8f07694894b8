"""Core area of a standard series by conventional perfusion analysis."""

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import PIXEL_MM, STANDARD_TIMES
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import segment_lesion
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
    hu = np.asarray(series, np.float32).swapaxes(0, 1)
    pixel_mm = (PIXEL_MM, PIXEL_MM)
    try:
        passage = find_bolus_passage(hu, STANDARD_TIMES, pixel_mm)
    except Excluded:
        return float("nan")
    maps = perfusion_maps(passage, pixel_mm)
    return int(segment_lesion(maps, pixel_mm).core[definition].sum()) * PIXEL_MM**2 / 100
