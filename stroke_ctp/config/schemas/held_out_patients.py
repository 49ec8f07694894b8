"""Settings of `python -m stroke_ctp.benchmarks.held_out_patients`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Jobs, Rule, Text


@dataclass(frozen=True, config=STRICT)
class HeldOutSettings:
    """Measure the perfusion network and conventional cores on simulated patients that it was not trained on."""

    patients: Annotated[int, Field(ge=1)] = 600
    """Simulated patients."""
    seed: Annotated[
        int, Field(ge=2), Rule("a whole number ≥ 2 (0 and 1 are the seeds of the reported and the development cohort)")
    ] = 21
    """Seed of the patients; another than that of the training."""
    weights: Text = "shipped"
    """Weights of the perfusion network: shipped, or a file of `python -m stroke_ctp.pretrain`."""
    jobs: Jobs = -1
    """Processes."""
