"""Cached features where training needs them: mapped from disk on a CPU, resident in memory on other devices."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from stroke_ctp.model.feature_cache import Draws


class CachedFeatures:
    """Features of every patient in every draw, from which batches are gathered.

    On a CPU they stay mapped from disk: memory does not grow with the cohort, and processes on one machine share it.
    """

    def __init__(self, draws: Draws) -> None:
        """Take the draws."""
        self.draws = [torch.from_numpy(draw) for draw in draws]
        self.resident: Tensor | None = None

    def __len__(self) -> int:
        return len(self.draws)

    def to(self, device: torch.device) -> None:
        """Copy all features to a device, once; nothing to do for a CPU."""
        if device.type != "cpu" and self.resident is None:
            self.resident = torch.empty(len(self.draws), *self.draws[0].shape, device=device)
            for resident, draw in zip(self.resident, self.draws, strict=True):
                resident.copy_(draw)

    def gather(
        self, draw: Int[Tensor, " batch"], row: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch level time feature"]:
        """Features of some patients, each from its own draw, on the device of `row`; `draw` may be on the CPU."""
        if self.resident is not None:
            return self.resident[draw.to(row.device), row]
        return torch.stack([self.draws[d][r] for d, r in zip(draw.tolist(), row.tolist(), strict=True)])


@dataclass(frozen=True)
class TrainingFeatures:
    """Which features a network was trained on."""

    name: str
    """Of the feature cache."""
    sha256: str
    """Of the file of draw 0, which is not augmented."""
