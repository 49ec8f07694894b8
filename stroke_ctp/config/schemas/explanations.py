"""Settings of `python -m stroke_ctp.benchmarks.explanations`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Jobs, Text, Texts
from stroke_ctp.model.settings import OUTPUTS


@dataclass(frozen=True, config=STRICT)
class ExplanationsSettings:
    """Measure how much of what models show as their evidence lies in the true core and penumbra."""

    name: Text = "stroke"
    """Name of the study."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
    models: Texts = ("full", "perfusion")
    """Models of the study that show what they go by, separated by commas."""
    patients: Annotated[int, Field(ge=1)] = 40
    """Simulated patients, none of a cohort."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the patients."""
    jobs: Jobs = -1
    """Processes that scan the patients."""
