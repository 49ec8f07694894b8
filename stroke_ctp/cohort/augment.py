"""Rotation, shift and flip of frames: one draw per patient, the same for all frames and both levels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Draw:
    """Augmentation parameters of each patient of a batch."""

    angle: Float[Tensor, " batch"]
    """Counter-clockwise as displayed [deg]."""
    shift: Float[Tensor, "batch 2"]
    """To the right and down as displayed [pixel]."""
    flip: Bool[Tensor, " batch"]
    """Reversal of the rows, anterior to posterior."""

    def to(self, device: torch.device) -> "Draw":
        """The same draw on another device."""
        return Draw(self.angle.to(device), self.shift.to(device), self.flip.to(device))

    def __getitem__(self, rows: slice) -> "Draw":
        return Draw(self.angle[rows], self.shift[rows], self.flip[rows])


def augment(
    frames: Float[Tensor, "batch level time height width"], draw: Draw, background: Float[Tensor, ""]
) -> Float[Tensor, "batch level time height width"]:
    """Flip, then rotate about the centre, then shift, in one bilinear interpolation.

    Args:
        frames: Standardized frames.
        draw: From `Augmentation.draw`, on the device of the frames.
        background: Value of uncovered pixels: standardized air.
    """
    _, level, _, height, width = frames.shape
    theta = _output_to_input(draw, height, width)
    image = rearrange(frames - background, "b l t h w -> b (l t) h w")
    grid = F.affine_grid(theta.to(image.dtype), list(image.shape), align_corners=False)
    warped = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return rearrange(warped, "b (l t) h w -> b l t h w", l=level) + background


def _output_to_input(draw: Draw, height: int, width: int) -> Float[Tensor, "batch 2 3"]:
    """Affine maps from output to input coordinates, in units of half the image."""
    half = torch.tensor([width / 2, height / 2], device=draw.shift.device)
    radians = torch.deg2rad(draw.angle)
    cos, sin = radians.cos(), radians.sin()
    # In pixels, y down: a counter-clockwise rotation as displayed is undone by this one.
    undo = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    sign = torch.stack([torch.ones_like(cos), torch.where(draw.flip, -1.0, 1.0)], -1)
    linear = sign[:, :, None] * undo
    offset = -(linear @ draw.shift[:, :, None])
    return torch.cat([linear * half[None, None, :] / half[None, :, None], offset / half[None, :, None]], dim=-1)
