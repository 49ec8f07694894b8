"""Standardization of the encoder's features per channel, on training statistics."""

import hashlib
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

N_FEATURES = 512
"""Features of a frame: channels of the backbone."""

FLOOR = 0.5
"""Least scale of a channel, as a fraction of the median channel's standard deviation."""


class FeatureStandardization(nn.Module):
    """Mean 0 and standard deviation 1 per channel over the training fold's patients, levels and frames."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        """Start as the identity, until fitted."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("scale", torch.ones(N_FEATURES))

    def fit(self, batches: Iterable[Float[Tensor, "_ level time feature"]]) -> None:
        """Take the statistics of some patients' features, batch by batch.

        A quarter of the backbone's channels respond in fewer than one frame of a thousand. Divided by their own
        standard deviation, they would dominate the prediction of those frames. `FLOOR` limits them.
        """
        n = 0
        total, squares = torch.zeros(2, N_FEATURES, dtype=torch.float64)
        for batch in batches:
            flat = batch.flatten(0, 2).cpu().double()  # not every accelerator has doubles
            n += len(flat)
            total += flat.sum(dim=0)
            squares += (flat**2).sum(dim=0)
        deviation = (squares / n - (total / n) ** 2).clamp(min=0).sqrt()
        self.mean.copy_(total / n)
        self.scale.copy_((deviation**2 + (FLOOR * deviation.median()) ** 2).sqrt().clamp(min=1e-6))

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, "batch level time feature"]:
        """Standardized features."""
        return (features - self.mean) / self.scale

    def digest(self) -> str:
        """SHA-256 of mean and scale."""
        return hashlib.sha256(torch.stack([self.mean, self.scale]).cpu().numpy().tobytes()).hexdigest()
