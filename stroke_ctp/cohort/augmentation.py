"""Rotation, shift and flip: one draw per patient, the same for all frames and both levels."""

import dataclasses
from typing import Annotated

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from stroke_ctp.common.schemas import STRICT


@dataclasses.dataclass(frozen=True)
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


@dataclass(frozen=True, config=STRICT)
class Augmentation:
    """Ranges of augmentation; the defaults are the article's (section 2.2)."""

    max_angle: Annotated[float, Field(ge=0)] = 15.0
    """Rotations lie within ± this [deg]."""
    max_shift: Annotated[float, Field(ge=0)] = 10.0
    """Shifts along each axis lie within ± this [pixel]; they need not be whole pixels."""
    flip_probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability of a flip from anterior to posterior."""

    def draw(self, n: int, generator: torch.Generator) -> Draw:
        """Draw for `n` patients, on the CPU, so that every device sees the same numbers."""
        angle, right, down, flip = torch.rand(4, n, generator=generator)
        return Draw(
            angle=self.max_angle * (2 * angle - 1),
            shift=self.max_shift * (2 * torch.stack([right, down], dim=1) - 1),
            flip=flip < self.flip_probability,
        )


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
