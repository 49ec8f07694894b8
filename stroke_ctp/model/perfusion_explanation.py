"""The perfusion network's maps of a patient, as a page shows them."""

import numpy as np
import torch
from jaxtyping import Float

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.learned_analysis import LIKELY
from stroke_ctp.model.explanation import Explanation, Overlay
from stroke_ctp.model.perfusion_weights import PerfusionWeights
from stroke_ctp.model.predicted_maps import brain_of, standard_maps

_TEXT = (
    "The probability and the volume are read off these maps of the perfusion network: areas of core, of hypoperfused "
    "tissue, of its part with a low CBV, and of tissue that is late by 6 s."
)


def explained(weights: PerfusionWeights, series: Float[np.ndarray, "level time height width"]) -> Explanation | None:
    """Maps of a standard series [HU]; None where no brain is found."""
    hu = np.asarray(series, np.float32)
    try:
        brain = brain_of(hu)
    except Excluded:
        return None
    maps = standard_maps(weights.network, torch.tensor(hu)[None], torch.from_numpy(brain)[None])
    shown = {
        "core": ("Probability of core", "", (0.0, 1.0), True),
        "hypoperfused": ("Probability of hypoperfusion", "", (0.0, 1.0), True),
        "cbv": ("CBV", "mL/100 mL", (0.0, 5.0), False),
        "cbf": ("CBF", "mL/100 mL/min", (0.0, 60.0), False),
        "delay": ("Delay", "s", (0.0, 12.0), False),
    }
    overlays = tuple(
        Overlay(name, title, unit, np.where(brain, getattr(maps, name)[0].numpy(), np.nan), window, fades=fades)
        for name, (title, unit, window, fades) in shown.items()
    )
    core, hypoperfused = (brain & (getattr(maps, name)[0].numpy() > LIKELY) for name in ("core", "hypoperfused"))
    return Explanation(_TEXT, overlays, core=core, penumbra=hypoperfused & ~core)
