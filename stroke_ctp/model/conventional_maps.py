"""Conventional perfusion maps of both levels, beside which a model's own are shown."""

import numpy as np
from jaxtyping import Bool

from stroke_ctp.hemodynamics.level_analysis import LevelAnalysis
from stroke_ctp.model.explanation import Overlay

_SHOWN = {
    "cbf": ("CBF", "mL/100 mL/min", (0.0, 60.0)),
    "cbv": ("CBV", "mL/100 mL", (0.0, 5.0)),
    "tmax": ("Tmax", "s", (0.0, 12.0)),
}
_CORE, _PENUMBRA = 1.0, 0.5
"""Values of the map of both."""


def conventional_overlays(measured: LevelAnalysis) -> tuple[Overlay, ...]:
    """Core and penumbra, CBF, CBV and Tmax, where there is tissue."""
    tissue = measured.passage.tissue
    segmented = np.where(conventional_core(measured), _CORE, np.where(measured.lesion.penumbra, _PENUMBRA, np.nan))
    lesion = Overlay(
        "conventional_lesion",
        "Core and penumbra",
        "",
        segmented,
        (0.0, 1.0),
        ends=("penumbra 0.5", "core 1"),
        fades=True,
    )
    maps = (
        Overlay(
            f"conventional_{name}",
            title,
            unit,
            np.where(tissue, getattr(measured.maps, name), np.nan).astype(np.float32),
            window,
        )
        for name, (title, unit, window) in _SHOWN.items()
    )
    return lesion, *maps


def conventional_core(measured: LevelAnalysis) -> Bool[np.ndarray, "level height width"]:
    """Core by either definition."""
    return np.logical_or.reduce(list(measured.lesion.core.values()))
