"""Network inputs: enhancement, windowed attenuation, or raw attenuation.

Inputs map a series to frames, both [HU] and `[batch, level, time, height, width]`. They are settings of every command
that reads a run, so this module does not load PyTorch, which takes seconds.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import AIR_HU, N_BASELINE
from stroke_ctp.common.schemas import STRICT

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Input(Protocol):
    """Computes frames [HU] from a series and states their scale for standardization."""

    bfloat16: ClassVar[bool]
    """Whether the frames keep their temporal contrast in bfloat16 (8 bits of precision)."""

    @property
    def background(self) -> float:
        """Value of air [HU]."""
        ...

    @property
    def mean(self) -> float:
        """Subtracted by fixed standardization [HU]."""
        ...

    @property
    def scale(self) -> float:
        """Divided by in fixed standardization [HU]."""
        ...

    def __call__(self, hu: "torch.Tensor") -> "torch.Tensor":
        """Frames [HU] of a series [HU]."""
        ...


@dataclass(frozen=True, config=STRICT)
class Enhancement:
    """Attenuation above the pre-contrast baseline, within the brain, for a bolus of reference strength, smoothed.

    The amount of contrast that reaches the brain differs by a factor of four between patients, in the cohort that was
    measured. Core differs from healthy tissue by its enhancement relative to the rest of the same brain.
    """

    kind: Literal["enhancement"] = "enhancement"
    """Enhancement above the baseline."""
    n_baseline: Annotated[int, Field(ge=1)] = N_BASELINE
    """Leading frames without contrast; four are 6 s."""
    reference: Annotated[float, Field(gt=0)] | None = 4.0
    """Mean enhancement over time of the median brain pixel, to which all frames of a patient are scaled by one
    factor [HU]; null: as measured."""
    smoothing_frames: Annotated[float, Field(ge=0)] = 1.5
    """Standard deviation of the Gaussian over time [frame]."""
    smoothing_pixels: Annotated[float, Field(ge=0)] = 3.0
    """Standard deviation of the Gaussian in the plane [pixel]."""
    ceiling: Annotated[float, Field(gt=0)] = 20.0
    """Clipping limit ± [HU]: above the enhancement of tissue, below that of large vessels and of motion at edges, which
    would otherwise dominate the max-pooled features."""
    mean: float = 0.0
    """Subtracted by fixed standardization [HU]."""
    scale: Annotated[float, Field(gt=0)] = 6.0
    """Divided by in fixed standardization [HU]."""
    background: ClassVar[float] = 0.0
    bfloat16: ClassVar[bool] = True

    def __call__(self, hu: "torch.Tensor") -> "torch.Tensor":
        """Enhancement [HU], 0 outside the brain."""
        from stroke_ctp.cohort.enhancement import enhancement

        return enhancement(
            hu, self.n_baseline, self.reference, self.ceiling, self.smoothing_frames, self.smoothing_pixels
        )


@dataclass(frozen=True, config=STRICT)
class Window:
    """Attenuation clipped to a window, as a radiologist views it."""

    kind: Literal["window"] = "window"
    """Attenuation within a window."""
    low: float = 0.0
    """Lower end of the window [HU]."""
    high: float = 100.0
    """Upper end of the window [HU]."""
    mean: float = 50.0
    """Subtracted by fixed standardization [HU]."""
    scale: Annotated[float, Field(gt=0)] = 50.0
    """Divided by in fixed standardization [HU]."""
    bfloat16: ClassVar[bool] = False

    @model_validator(mode="after")
    def _ends_in_order(self) -> "Window":
        if self.high <= self.low:
            raise UserError(f"input.high must be a number > {self.low:g} (input.low), got {self.high!r}")
        return self

    def __call__(self, hu: "torch.Tensor") -> "torch.Tensor":
        """Attenuation [HU] between `low` and `high`."""
        return hu.clamp(self.low, self.high)

    @property
    def background(self) -> float:
        """Air, clipped to the window [HU]."""
        return max(self.low, AIR_HU)


@dataclass(frozen=True, config=STRICT)
class Attenuation:
    """Attenuation as it is, air and skull included: the article's input."""

    kind: Literal["hu"] = "hu"
    """Attenuation as it is."""
    mean: float = -500.0
    """Subtracted by fixed standardization [HU]."""
    scale: Annotated[float, Field(gt=0)] = 500.0
    """Divided by in fixed standardization [HU]."""
    background: ClassVar[float] = AIR_HU
    bfloat16: ClassVar[bool] = False

    def __call__(self, hu: "torch.Tensor") -> "torch.Tensor":
        """The series itself [HU]."""
        return hu
