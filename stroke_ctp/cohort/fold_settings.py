"""How a cohort is divided for cross-validation."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT

MOST_FOLDS = 1000
"""More than any cohort has patients of its rarer class."""


@dataclass(frozen=True, config=STRICT)
class FoldSettings:
    """How a cohort is divided."""

    n: Annotated[int, Field(ge=3, le=MOST_FOLDS)] = 10
    """Number of folds."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the shuffle before the split."""
    subset: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of each fold's training patients that train, for a learning curve."""


def check_fold(fold: int, n: int) -> None:
    """Require that a fold is one of `n`.

    Raises:
        UserError: No such fold.
    """
    if not 0 <= fold < n:
        raise UserError(f"fold must be 0 to {n - 1} (folds.n={n}), got {fold}")
