"""Settings of `python -m stroke_ctp.estimate`."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.fold_settings import FoldSettings
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.config.schemas.simulate import SimulateSettings
from stroke_ctp.model.registry import REGISTRY
from stroke_ctp.model.settings import CacheSettings, TrainerSettings


@dataclass(frozen=True, config=STRICT)
class EstimateSettings:
    """Estimate how long a study will take on this machine."""

    n_train: Annotated[int, Field(ge=1)] = SimulateSettings.n_train
    """Training patients."""
    n_external: Annotated[int, Field(ge=0)] = SimulateSettings.n_external
    """External patients."""
    draws: Annotated[int, Field(ge=1)] = CacheSettings.draws
    """Augmentation draws in the feature cache."""
    ablations: Annotated[int, Field(ge=1)] = sum(entry.in_article for entry in REGISTRY.values())
    """Networks per fold: full, local and global."""
    folds: Annotated[int, Field(ge=3)] = FoldSettings.n
    """Folds of the cross-validation."""
    max_epochs: Annotated[int, Field(ge=1)] = TrainerSettings.max_epochs
    """Epochs of every training."""

    @model_validator(mode="after")
    def _every_fold_has_both_classes(self) -> "EstimateSettings":
        if self.n_train < 2 * self.folds:
            raise UserError(
                f"folds={self.folds} needs n_train ≥ {2 * self.folds}, for each fold a patient of each class, "
                f"got {self.n_train}; choose fewer folds"
            )
        return self
