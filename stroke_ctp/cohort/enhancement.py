"""Enhancement of the brain: how frames become what the backbone sees with `input=enhancement`."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

LEAST_ENHANCEMENT_HU = 0.3
"""Least enhancement that is scaled to the reference: below it, scaling would amplify noise."""


def enhancement(
    hu: Float[Tensor, "batch level time height width"],
    n_baseline: int,
    reference: float | None,
    ceiling: float,
    smoothing_frames: float,
    smoothing_pixels: float,
) -> Float[Tensor, "batch level time height width"]:
    """Enhancement [HU], 0 outside the brain; arguments as of `inputs.Enhancement`."""
    baseline = hu[:, :, :n_baseline].mean(dim=2)
    mask = input_mask(baseline)[:, :, None]
    rise = torch.where(mask, hu - baseline[:, :, None], 0.0)
    if reference is not None:
        rise *= reference / _typical_enhancement(rise, mask)[:, None, None, None, None]
    # Clip before smoothing, so that vessels and moved skull do not leak into tissue.
    rise.clamp_(-ceiling, ceiling)
    return torch.where(mask, smooth(rise, smoothing_frames, smoothing_pixels), 0.0)


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
