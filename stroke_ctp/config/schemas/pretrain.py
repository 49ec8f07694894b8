"""Settings of `python -m stroke_ctp.pretrain`."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, File, Jobs, Rule


@dataclass(frozen=True, config=STRICT)
class PretrainSettings:
    """Train the perfusion network on simulated patients with known maps."""

    out: File
    """File that receives the weights (safetensors)."""
    patients: Annotated[int, Field(ge=1)] = 4000
    """Simulated patients."""
    steps: Annotated[int, Field(ge=1)] = 16000
    """Batches of eight patients."""
    seed: Annotated[
        int, Field(ge=2), Rule("a whole number ≥ 2 (0 and 1 are the seeds of the reported and the development cohort)")
    ] = 7
    """Seed of patients, batches and initial weights."""
    jobs: Jobs = -1
    """Processes that simulate, and then make batches; one of them trains."""
    accelerator: Literal["auto", "cpu"] = "auto"
    """Hardware to train on: auto takes a GPU where there is one. Each gives weights of its own."""
