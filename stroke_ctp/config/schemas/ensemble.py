"""Settings of `python -m stroke_ctp.ensemble`."""

from pathlib import Path

from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT, Folder, Text
from stroke_ctp.model.settings import AblationSettings


@dataclass(frozen=True, config=STRICT)
class EnsembleSettings:
    """Score an external cohort with every fold of a model and with their mean."""

    external: Folder
    """Cohort to score, from `python -m stroke_ctp.preprocess`."""
    name: Text = "stroke"
    """Name of the study whose folds are trained."""
    outputs: Folder = Path("outputs")
    """Folder of all studies."""
    ablation: AblationSettings = AblationSettings()
    """Model of the study; several: ablation=full,local."""
