"""Settings of the standardization of frames. This module does not load PyTorch."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT


@dataclass(frozen=True, config=STRICT)
class FixedSettings:
    """Settings of `FixedStandardization`: the input's mean and scale."""

    kind: Literal["fixed"] = "fixed"
    """The input's mean and scale."""


@dataclass(frozen=True, config=STRICT)
class BatchSettings:
    """Settings of `BatchStandardization`."""

    kind: Literal["batch"] = "batch"
    """Statistics of each batch."""
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of a batch in the running statistics."""
