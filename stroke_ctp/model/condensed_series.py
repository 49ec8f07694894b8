"""A standard series as the perfusion network sees it: the brain at 64 × 64 pixels, and how the bolus came."""

from dataclasses import dataclass
from functools import cached_property

import torch
from einops import rearrange, reduce
from jaxtyping import Bool, Float
from torch import Tensor

from stroke_ctp.common.geometry import PIXEL_MM
from stroke_ctp.scan.time_resampling import acquired_after_first

PIXEL_CM2 = (2 * PIXEL_MM / 10) ** 2
"""Area of a condensed pixel [cm²]."""
_BASELINE = 3
"""Frames whose mean is subtracted. The network's filters sum to zero, so it need not be free of contrast."""
_CHANGE_HU = (-100.0, 200.0)
"""Change of a pixel is clamped to these: beyond lie bone and metal that moved into the brain."""
_VESSEL_PIXELS = 24
"""Number of pixels whose mean stands for vessels."""
_PURE = 0.9
"""A pixel with a larger share of brain is averaged for curves and noise."""
_MEAN_ABSOLUTE_NORMAL = 0.798
"""Mean of |x| for x normal with SD 1."""


@dataclass(frozen=True)
class CondensedSeries:
    """Standard series, averaged over the brain within 2 × 2 pixels."""

    frames: Float[Tensor, "batch level time height width"]
    """Mean attenuation of the brain within a pixel [HU]; 0 where there is no brain."""
    inside: Float[Tensor, "batch level height width"]
    """Share of a pixel that is brain."""

    @cached_property
    def baseline(self) -> Float[Tensor, "batch level 1 height width"]:
        """Mean of the first frames [HU]."""
        return self.frames[:, :, :_BASELINE].mean(dim=2, keepdim=True)

    @cached_property
    def change(self) -> Float[Tensor, "batch level time height width"]:
        """Difference to the first frames [HU]."""
        return (self.frames - self.baseline).clamp(*_CHANGE_HU)


@dataclass(frozen=True)
class Bolus:
    """How the bolus came to a patient, over both levels: what deconvolution needs an arterial input function for."""

    curves: Float[Tensor, "batch 3 time"]
    """Change of the brain's mean, of the pixels that rise most, and of those that rise first, over `scale`."""
    acquired: Float[Tensor, "batch time"]
    """1 up to the last frame that was acquired, 0 where that one is held."""
    scale: Float[Tensor, " batch"]
    """Peak of the brain's mean [HU]."""
    noise: Float[Tensor, " batch"]
    """SD between frames within a pixel, over `scale`."""


def condense(
    series: Float[Tensor, "batch level time height width"], brain: Bool[Tensor, "batch level height width"]
) -> CondensedSeries:
    """Average attenuation over the brain within 2 × 2 pixels: half the noise, a quarter of the work.

    Args:
        series: Standard series [HU].
        brain: The inside of the skull.
    """
    inside = pooled(brain.to(series.dtype))
    total = pooled(torch.where(brain[:, :, None], series, 0))
    return CondensedSeries(total / inside[:, :, None].clamp_min(1e-3), inside)


@torch.no_grad()
def find_bolus(series: CondensedSeries) -> Bolus:
    """Global curves of each patient."""
    change, inside = series.change, series.inside
    weight = inside / reduce(inside, "b l y x -> b 1 1 1", "sum").clamp_min(1)
    mean = torch.einsum("bltyx,blyx->bt", change, weight)
    smooth = _smooth(mean)
    scale = smooth.amax(dim=1).clamp_min(0.3)
    pixels = rearrange(change, "b l t y x -> b (l y x) t")
    pure = rearrange(inside > _PURE, "b l y x -> b (l y x) 1")
    smooth_pixels = _smooth(pixels) * pure
    rising = ((smooth >= 0.5 * scale[:, None]).cumsum(dim=1) == 0).to(mean.dtype)
    rising = rising / rising.sum(dim=1, keepdim=True).clamp_min(1)
    highest = _mean_of_highest(pixels, smooth_pixels.amax(dim=2))
    first = _mean_of_highest(pixels, torch.einsum("bpt,bt->bp", smooth_pixels, rising))
    curves = torch.stack([mean, highest, first], dim=1) / scale[:, None, None]
    acquired = _acquired(series.frames)
    return Bolus(curves, acquired, scale, _noise(series, acquired) / scale)


def pooled(image: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch _ _"]:
    """Mean of 2 × 2 pixels."""
    rows = image[..., 0::2, :] + image[..., 1::2, :]
    return (rows[..., 0::2] + rows[..., 1::2]) / 4


def _smooth(curves: Float[Tensor, "*batch time"]) -> Float[Tensor, "*batch time"]:
    """Mean of three frames; the ends are repeated."""
    before = torch.cat([curves[..., :1], curves[..., :-1]], dim=-1)
    after = torch.cat([curves[..., 1:], curves[..., -1:]], dim=-1)
    return (before + curves + after) / 3


def _mean_of_highest(
    pixels: Float[Tensor, "batch pixel time"], value: Float[Tensor, "batch pixel"]
) -> Float[Tensor, "batch time"]:
    """Mean curve of the pixels of the highest values."""
    chosen = value.topk(_VESSEL_PIXELS, dim=1).indices
    return pixels.gather(1, chosen[:, :, None].expand(-1, -1, pixels.shape[2])).mean(dim=1)


def _acquired(frames: Float[Tensor, "batch level time height width"]) -> Float[Tensor, "batch time"]:
    """1 up to the last frame that differs from the one before it at any level."""
    later = acquired_after_first(frames).any(dim=1)
    return torch.cat([torch.ones_like(later[:, :1]), later], dim=1).to(frames.dtype)


def _noise(series: CondensedSeries, acquired: Float[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
    """SD of noise that is white in time, from second differences, which a bolus hardly changes [HU]."""
    frames = series.frames
    second = frames[:, :, 2:] - 2 * frames[:, :, 1:-1] + frames[:, :, :-2]
    pure, known = (series.inside > _PURE).to(frames.dtype), acquired[:, 2:]
    total = torch.einsum("bltyx,blyx,bt->b", second.abs().clamp(max=60), pure, known)
    mean = total / (pure.sum(dim=(1, 2, 3)) * known.sum(dim=1)).clamp_min(1)
    return (mean / (_MEAN_ABSOLUTE_NORMAL * 6**0.5)).clamp_min(0.05)
