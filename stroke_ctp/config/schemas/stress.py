"""Settings of `python -m stroke_ctp.stress`."""

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Jobs, Rule, Text, Texts, several
from stroke_ctp.model.settings import OUTPUTS
from stroke_ctp.robustness.axes import ALL, chosen_axes

Axes = Annotated[
    tuple[Text, ...], Field(strict=False), BeforeValidator(several), Rule(f"some of {', '.join(ALL)}: axes=A,B")
]
Levels = Annotated[
    tuple[float, ...], Field(strict=False), BeforeValidator(several), Rule("a number, or several: levels=[8,12]")
]


@dataclass(frozen=True, config=STRICT)
class StressSettings:
    """Try the models of a study on simulated patients whose scans are degraded along one axis at a time."""

    name: Text = "stroke"
    """Name of the study whose folds are trained."""
    outputs: Folder = OUTPUTS
    """Folder of all studies; the curves go to OUTPUTS/NAME/stress."""
    models: Texts = ()
    """Models to try, separated by commas; by default all that need no whole scan."""
    cohort: Folder | None = None
    """Training cohort of the study, if it lies outside OUTPUTS: it tells which scans are not assessable."""
    bank: Folder | None = None
    """Folder of the feature cache, if it is not OUTPUTS/bank."""
    axes: Axes = ()
    """Axes of stress; by default all."""
    levels: Levels = ()
    """Levels of a single axis instead of its own, in its unit."""
    patients: Annotated[int, Field(ge=2)] = 60
    """Simulated patients; the same at every level."""
    seed: Annotated[int, Field(ge=0)] = 31
    """Seed of the patients, who are none of any simulated cohort or of the pretraining."""
    jobs: Jobs = -1
    """Processes."""

    @model_validator(mode="after")
    def _known_axes(self) -> "StressSettings":
        chosen_axes(self.axes, self.levels)
        return self
