"""Network inputs: enhancement, windowed attenuation, or raw attenuation."""

from typing import Annotated, ClassVar, Literal, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import AIR_HU, N_BASELINE
from stroke_ctp.common.schemas import STRICT


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

    def __call__(
        self, hu: Float[Tensor, "batch level time height width"]
    ) -> Float[Tensor, "batch level time height width"]:
        """Frames [HU] of a series [HU]."""
        ...


LEAST_ENHANCEMENT_HU = 0.3
"""Least enhancement that is scaled to the reference: below it, scaling would amplify noise."""


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

    def __call__(
        self, hu: Float[Tensor, "batch level time height width"]
    ) -> Float[Tensor, "batch level time height width"]:
        """Enhancement [HU], 0 outside the brain."""
        baseline = hu[:, :, : self.n_baseline].mean(dim=2)
        mask = input_mask(baseline)[:, :, None]
        rise = torch.where(mask, hu - baseline[:, :, None], 0.0)
        if self.reference is not None:
            rise *= self.reference / _typical_enhancement(rise, mask)[:, None, None, None, None]
        # Clip before smoothing, so that vessels and moved skull do not leak into tissue.
        rise.clamp_(-self.ceiling, self.ceiling)
        return torch.where(mask, smooth(rise, self.smoothing_frames, self.smoothing_pixels), 0.0)


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

    def __call__(
        self, hu: Float[Tensor, "batch level time height width"]
    ) -> Float[Tensor, "batch level time height width"]:
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

    def __call__(
        self, hu: Float[Tensor, "batch level time height width"]
    ) -> Float[Tensor, "batch level time height width"]:
        """The series itself [HU]."""
        return hu


def _typical_enhancement(
    rise: Float[Tensor, "batch level time height width"], mask: Bool[Tensor, "batch level 1 height width"]
) -> Float[Tensor, " batch"]:
    """Mean enhancement over time [HU] of the median pixel of each patient's brain, most of which is not ischemic.

    The median of means is robust against vessels and bone that moves into the mask.
    """
    mean = torch.where(mask, rise.mean(dim=2, keepdim=True), torch.nan)
    median = mean.flatten(1).nanmedian(dim=1).values
    return median.nan_to_num(LEAST_ENHANCEMENT_HU).clamp(min=LEAST_ENHANCEMENT_HU)


def input_mask(
    baseline: Float[Tensor, "batch level height width"],
) -> Bool[Tensor, "batch level height width"]:
    """Pixels of the brain, by attenuation and size, without its outermost 3 mm.

    Soft tissue of 0–90 HU, eroded by 7 pixels (11 mm), which removes the scalp, and dilated by 3. The rim is left out:
    skull that moves there changes it by hundreds of HU.

    Args:
        baseline: Mean of the frames before contrast [HU].
    """
    smoothed = smooth(baseline[:, :, None], 0.0, 1.0)[:, :, 0]
    soft = ((smoothed > 0) & (smoothed < 90)).to(smoothed.dtype)
    eroded = -F.max_pool2d(-soft, 7, stride=1, padding=3)
    return F.max_pool2d(eroded, 3, stride=1, padding=1) > 0.5


def smooth(
    frames: Float[Tensor, "batch level time height width"], sigma_time: float, sigma_pixel: float
) -> Float[Tensor, "batch level time height width"]:
    """Separable Gaussian over time [frame] and plane [pixel], edges repeated; σ = 0 skips an axis."""
    for axis, sigma in (("t", sigma_time), ("h", sigma_pixel), ("w", sigma_pixel)):
        if sigma > 0:
            weights = _gaussian_weights(frames.shape["blthw".index(axis)], sigma).to(frames)
            frames = torch.einsum(f"blthw, s{axis} -> {'blthw'.replace(axis, 's')}", frames, weights)
    return frames


def _gaussian_weights(length: int, sigma: float) -> Float[Tensor, "length length"]:
    """Weight of every position (column) in the smoothed value at another (row).

    From a few taps on, one matrix product is faster than one shifted copy per tap.
    """
    radius = max(1, round(3 * sigma))
    offset = torch.arange(-radius, radius + 1)
    taps = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    source = (torch.arange(length)[:, None] + offset).clamp(0, length - 1)
    weights = torch.zeros(length, length, dtype=torch.float64)
    return weights.scatter_add_(1, source, (taps / taps.sum()).expand(length, -1))
