"""Core area of a standard series by conventional perfusion analysis."""

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import PIXEL_MM
from stroke_ctp.hemodynamics.level_analysis import analyse_levels


def core_area(series: Float[np.ndarray, "level time height width"], definition: str) -> float:
    """Area of the core at both levels, by the analysis of whole scans [cm²].

    Args:
        series: Standard series [HU].
        definition: cbv or rcbf, a key of `lesion_definitions.DEFINITIONS`.

    Returns:
        Sum over the levels; NaN where perfusion cannot be measured.

    Example:
        >>> from stroke_ctp import core_area, read_manifest, standard_series
        >>> series = standard_series(read_manifest("manifest.csv")[0])
        >>> 10 < core_area(series.hu, "cbv") < 30
        True
    """
    try:
        lesion = analyse_levels(series).lesion
    except Excluded:
        return float("nan")
    return int(lesion.core[definition].sum()) * PIXEL_MM**2 / 100
