"""Settings of `python -m stroke_ctp.pretrain`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, File, Jobs, Rule


@dataclass(frozen=True, config=STRICT)
class PretrainSettings:
    """Train the perfusion network on simulated patients with known maps."""

    out: File
    """File that receives the weights (safetensors)."""
    patients: Annotated[int, Field(ge=1)] = 1200
    """Simulated patients."""
    steps: Annotated[int, Field(ge=1)] = 2700
    """Batches of eight patients."""
    seed: Annotated[
        int, Field(ge=2), Rule("a whole number ≥ 2 (0 and 1 are the seeds of the reported and the development cohort)")
    ] = 7
    """Seed of patients, batches and initial weights."""
    jobs: Jobs = -1
    """Processes that simulate; one trains."""
