"""Settings of `python -m stroke_ctp.estimate`."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT


@dataclass(frozen=True, config=STRICT)
class EstimateSettings:
    """Estimate how long a study will take on this machine."""

    n_train: Annotated[int, Field(ge=1)] = 217
    """Training patients."""
    n_external: Annotated[int, Field(ge=0)] = 23
    """External patients."""
    draws: Annotated[int, Field(ge=1)] = 2
    """Augmentation draws in the feature cache."""
    ablations: Annotated[int, Field(ge=1)] = 3
    """Networks per fold: full, local and global."""
    folds: Annotated[int, Field(ge=3)] = 10
    """Folds of the cross-validation."""
    max_epochs: Annotated[int, Field(ge=1)] = 500
    """Epochs of every training."""

    @model_validator(mode="after")
    def _every_fold_has_both_classes(self) -> "EstimateSettings":
        if self.n_train < 2 * self.folds:
            raise UserError(
                f"folds={self.folds} needs n_train ≥ {2 * self.folds}, for each fold a patient of each class, "
                f"got {self.n_train}; choose fewer folds"
            )
        return self
