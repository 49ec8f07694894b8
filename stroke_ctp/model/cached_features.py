"""Features of a bank where training wants them: mapped from disk for a CPU, resident on another device."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Draws = list[Float[np.ndarray, "patient level time feature"]]
"""Features of every patient, an array for each draw; the first of them not augmented."""


class BankedFeatures:
    """Features of every patient in every draw, from which a batch is gathered.

    On a CPU they stay where they are, mapped from disk: memory does not grow with the cohort, and jobs on one machine
    share what they read.
    """

    def __init__(self, draws: Draws) -> None:
        """Take the draws."""
        self.draws = [torch.from_numpy(draw) for draw in draws]
        self.resident: Tensor | None = None

    def __len__(self) -> int:
        return len(self.draws)

    def to(self, device: torch.device) -> None:
        """Make sure that they can be gathered for a device."""
        if device.type != "cpu" and self.resident is None:
            self.resident = torch.empty(len(self.draws), *self.draws[0].shape, device=device)
            for resident, draw in zip(self.resident, self.draws, strict=True):
                resident.copy_(draw)

    def gather(
        self, draw: Int[Tensor, " batch"], row: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch level time feature"]:
        """Features of some patients, each in a draw of its own, on the device of `row`; `draw` may lie on the CPU."""
        if self.resident is not None:
            return self.resident[draw.to(row.device), row]
        return torch.stack([self.draws[d][r] for d, r in zip(draw.tolist(), row.tolist(), strict=True)])
