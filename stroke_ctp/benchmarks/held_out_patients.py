"""The perfusion network and conventional cores on training patients of another seed, by kind of scan.

python -m stroke_ctp.benchmarks.held_out_patients
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from stroke_ctp.benchmarks.held_out_tables import accuracy_table, comparison_table
from stroke_ctp.common.errors import Excluded, UserError
from stroke_ctp.common.geometry import FRAME_INTERVAL_S
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.held_out_patients import HeldOutSettings
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.hemodynamics.level_analysis import analyse_levels
from stroke_ctp.model.condensed_series import PIXEL_CM2, condense, pooled
from stroke_ctp.model.perfusion_weights import PerfusionWeights, read_weights
from stroke_ctp.model.predicted_maps import brain_of, condensed_maps
from stroke_ctp.pretraining.degradation import Degradation
from stroke_ctp.pretraining.rendering import COLUMNS, ROWS, draw_series

Image = Float[np.ndarray, "level 64 64"]


def held_out_patients(settings: HeldOutSettings) -> None:
    """Print tables in Markdown, for all patients and by condition: who has a large core, and how large it is."""
    if read_weights(settings.weights).pretraining["seed"] == settings.seed:
        raise UserError(f"seed must be another than that of the training, got {settings.seed}; choose seed=21 or so")
    numbers = range(settings.patients)
    results = parallel_map(_Case(settings), numbers, settings.jobs)
    cases = pd.DataFrame(list(with_progress(results, "held-out patients", "patients", settings.patients)))
    print(f"{comparison_table(cases)}\n\n{accuracy_table(cases)}")


class _Case:
    """Measures one patient; a class, so that it can be sent to other processes."""

    def __init__(self, settings: HeldOutSettings) -> None:
        self.settings = settings

    def __call__(self, number: int) -> dict[str, float]:
        torch.set_num_threads(1)
        seed, weights = self.settings.seed, read_weights(self.settings.weights)
        rendered = draw_series(numpy_generator(seed, Purpose.PRETRAINING_PATIENT, number))
        random = numpy_generator(seed, Purpose.PRETRAINING_STEP, number)
        degradation = Degradation.draw(random)
        series = degradation.series(rendered, random)
        true = np.zeros((2, 64, 64))
        true[:, ROWS, COLUMNS] = rendered.truth[:, 1]
        cores = {"network": _network_core(weights, series), **_conventional_cores(series)}
        return {
            "true": float(true.sum()) * PIXEL_CM2,
            **{f"{name}_{what}": value for name, core in cores.items() for what, value in _found(core, true).items()},
            "noise": degradation.noise,
            "dose": degradation.dose,
            "duration": (degradation.last + 1) * FRAME_INTERVAL_S,
            "interval": float(np.median(np.diff(rendered.times))),
        }


def _found(core: Image | None, true: Image) -> Mapping[str, float]:
    """Area of a core and its overlap with the truth; NaN where it cannot be measured, or there is nothing to find."""
    if core is None:
        return {"area": np.nan, "dice": np.nan}
    size = (core > 0.5).sum() + (true > 0.5).sum()
    dice = 2 * ((core > 0.5) & (true > 0.5)).sum() / size if (true > 0.5).any() else np.nan
    return {"area": float(core.sum()) * PIXEL_CM2, "dice": float(dice)}


def _network_core(weights: PerfusionWeights, series: Float[np.ndarray, "2 32 128 128"]) -> Image | None:
    """Probability of core at each condensed pixel; None without a brain."""
    try:
        brain = brain_of(series)
    except Excluded:
        return None
    condensed = condense(torch.from_numpy(series)[None], torch.from_numpy(brain)[None])
    return condensed_maps(weights.network, condensed).core[0].numpy()


def _conventional_cores(series: Float[np.ndarray, "2 32 128 128"]) -> Mapping[str, Image | None]:
    """Share of each condensed pixel that is core, by each definition; None where perfusion cannot be measured."""
    try:
        lesion = analyse_levels(series).lesion
    except Excluded:
        return dict.fromkeys(DEFINITIONS)
    masks = {name: torch.from_numpy(mask.astype(np.float32)) for name, mask in lesion.core.items()}
    return {name: pooled(mask).numpy() for name, mask in masks.items()}


if __name__ == "__main__":
    run(held_out_patients, HeldOutSettings, "benchmarks.held_out_patients")
