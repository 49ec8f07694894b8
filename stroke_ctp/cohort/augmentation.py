"""Ranges of augmentation. This module does not load PyTorch: it holds settings of every command that reads a run."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT

if TYPE_CHECKING:
    import torch

    from stroke_ctp.cohort.augment import Draw


@dataclass(frozen=True, config=STRICT)
class Augmentation:
    """Ranges of augmentation; the defaults are the article's (section 2.2)."""

    max_angle: Annotated[float, Field(ge=0)] = 15.0
    """Rotations lie within ± this [deg]."""
    max_shift: Annotated[float, Field(ge=0)] = 10.0
    """Shifts along each axis lie within ± this [pixel]; they need not be whole pixels."""
    flip_probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability of a flip from anterior to posterior."""

    def draw(self, n: int, generator: "torch.Generator") -> "Draw":
        """Draw for `n` patients, on the CPU, so that every device sees the same numbers."""
        import torch

        from stroke_ctp.cohort.augment import Draw

        angle, right, down, flip = torch.rand(4, n, generator=generator)
        return Draw(
            angle=self.max_angle * (2 * angle - 1),
            shift=self.max_shift * (2 * torch.stack([right, down], dim=1) - 1),
            flip=flip < self.flip_probability,
        )
