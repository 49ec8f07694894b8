"""Conventional perfusion maps of both levels, beside which a model's own are shown."""

import numpy as np

from stroke_ctp.hemodynamics.level_analysis import LevelAnalysis
from stroke_ctp.model.explanation import Overlay

_SHOWN = {
    "cbf": ("CBF, conventional", "mL/100 mL/min", (0.0, 60.0)),
    "cbv": ("CBV, conventional", "mL/100 mL", (0.0, 5.0)),
    "tmax": ("Tmax, conventional", "s", (0.0, 12.0)),
}
LESION = "lesion"
CORE, PENUMBRA = 1.0, 0.5
"""Values of the map `LESION`: core by either definition, and late tissue around it."""


def conventional_overlays(measured: LevelAnalysis) -> tuple[Overlay, ...]:
    """Core and penumbra, CBF, CBV and Tmax, where there is tissue."""
    tissue, lesion = measured.passage.tissue, measured.lesion
    core = np.logical_or.reduce(list(lesion.core.values()))
    segmented = np.where(core, CORE, np.where(lesion.penumbra, PENUMBRA, np.nan))
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
    return Overlay(LESION, "Core and penumbra, conventional", "", segmented, (0.0, 1.0), fades=True), *maps
