"""Settings of `python -m stroke_ctp.permute`."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Jobs, Text, Texts
from stroke_ctp.model.settings import OUTPUTS


@dataclass(frozen=True, config=STRICT)
class PermuteSettings:
    """Train the models of a study again on permuted classes, for a test against chance; `report` shows it."""

    permutations: Annotated[int, Field(ge=1)]
    """Number of permutations, each with a training of all folds; the smallest p is 1 / (permutations + 1)."""
    name: Text = "stroke"
    """Name of the study whose folds are trained."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
    bank: Folder | None = None
    """Folder of the feature cache, if it is not OUTPUTS/bank."""
    cohorts: Texts = ()
    """Folder of the training cohort, if it is outside OUTPUTS."""
    models: Texts = ()
    """Models to train again, separated by commas; by default all of the study."""
    jobs: Jobs = -1
    """Permutations that are trained side by side."""
