"""The perfusion network on training patients of another seed: how well it finds the core, by kind of scan.

python -m stroke_ctp.benchmarks.held_out_patients
"""

import numpy as np
import pandas as pd
import torch
from einops import rearrange

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import FRAME_INTERVAL_S
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.held_out_patients import HeldOutSettings
from stroke_ctp.model.condensed_series import PIXEL_CM2, CondensedSeries
from stroke_ctp.model.perfusion_weights import PerfusionWeights, read_weights
from stroke_ctp.model.predicted_maps import condensed_maps
from stroke_ctp.pretraining.degradation import Degradation
from stroke_ctp.pretraining.rendering import draw_sample
from stroke_ctp.statistics.auc import roc_auc

_HEADINGS = ("patients", "n", "AUC", "Dice", "bias [cm²]", "SD of error [cm²]")


def held_out_patients(settings: HeldOutSettings) -> None:
    """Print a table in Markdown: the core's area and overlap, for all patients and by condition."""
    if read_weights(settings.weights).pretraining["seed"] == settings.seed:
        raise UserError(f"seed must be another than that of the training, got {settings.seed}; choose seed=21 or so")
    numbers = range(settings.patients)
    results = parallel_map(_Case(settings), numbers, settings.jobs)
    cases = pd.DataFrame(list(with_progress(results, "held-out patients", "patients", settings.patients)))
    print("\n".join(f"| {' | '.join(line)} |" for line in [_HEADINGS, ["---"] * len(_HEADINGS), *_lines(cases)]))


class _Case:
    """Measures one patient; a class, so that it can be sent to other processes."""

    def __init__(self, settings: HeldOutSettings) -> None:
        self.settings = settings

    def __call__(self, number: int) -> dict[str, float]:
        torch.set_num_threads(1)
        seed, weights = self.settings.seed, read_weights(self.settings.weights)
        sample = draw_sample(numpy_generator(seed, Purpose.PRETRAINING_PATIENT, number))
        random = numpy_generator(seed, Purpose.PRETRAINING_STEP, number)
        degradation = Degradation.draw(random)
        core = _core(weights, degradation.frames(sample, random), sample.inside)
        true = sample.truth[:, 1]
        both = ((core > 0.5) & (true > 0.5)).sum()
        return {
            "true": float(true.sum()) * PIXEL_CM2,
            "found": float(core.sum()) * PIXEL_CM2,
            "dice": 2 * both / ((core > 0.5).sum() + (true > 0.5).sum()) if (true > 0.5).any() else np.nan,
            "noise": degradation.noise,
            "dose": degradation.dose,
            "duration": (degradation.last + 1) * FRAME_INTERVAL_S,
            "interval": float(np.median(np.diff(sample.times))),
        }


def _core(weights: PerfusionWeights, frames: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Probability of core at each pixel."""
    series = CondensedSeries(*(torch.from_numpy(rearrange(part, "... -> 1 ...")) for part in (frames, inside)))
    return condensed_maps(weights.network, series).core[0].numpy()


def _lines(cases: pd.DataFrame) -> list[list[str]]:
    """Rows of the table."""
    conditions = {
        "all": cases["true"] >= 0,
        "noise below 4 HU": cases["noise"] < 4,
        "noise of 4 to 7 HU": cases["noise"].between(4, 7),
        "noise above 7 HU": cases["noise"] > 7,
        "less than half the dose": cases["dose"] < 0.5,
        "shorter than 34 s": cases["duration"] < 34,
        "sampling slower than 2.2 s": cases["interval"] > 2.2,
        "no core": cases["true"] == 0,
    }
    median = cases["true"].median()
    return [_line(name, cases[chosen], median) for name, chosen in conditions.items() if chosen.any()]


def _line(name: str, cases: pd.DataFrame, median: float) -> list[str]:
    """One row: AUC of the found area for a true area above the median of all patients."""
    auc = roc_auc((cases["true"] > median).to_numpy(int), cases["found"].to_numpy(float)).value
    error = cases["found"] - cases["true"]
    values = [(auc, 3), (cases["dice"].mean(), 2), (error.mean(), 1), (error.std(), 1)]
    return [name, str(len(cases)), *("–" if v is None or np.isnan(v) else f"{v:.{d}f}" for v, d in values)]


if __name__ == "__main__":
    run(held_out_patients, HeldOutSettings, "benchmarks.held_out_patients")
