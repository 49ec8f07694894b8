"""Settings of `python -m stroke_ctp.ensemble`."""

from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Text, Texts
from stroke_ctp.model.settings import OUTPUTS


@dataclass(frozen=True, config=STRICT)
class EnsembleSettings:
    """Score an external cohort with the members of each model and with their mean."""

    external: Folder
    """Cohort to score, from `python -m stroke_ctp.preprocess`."""
    name: Text = "stroke"
    """Name of the study whose folds are trained."""
    outputs: Folder = OUTPUTS
    """Folder of all studies."""
    bank: Folder | None = None
    """Folder of the feature cache, if it is not OUTPUTS/bank."""
    models: Texts = ()
    """Models to score, separated by commas; by default all of the study."""
