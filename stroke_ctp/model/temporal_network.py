"""The temporal network: what the features' time courses say of the core.

Read off the article (section 2.3) and its public model file: 43,469 trainable parameters with both
pathways, 9,479 with the local one alone, 34,055 with the global one alone.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.settings import AblationSettings, NetworkSettings, PathwayName

KERNEL_SIZES = {"local": 3, "global": 11}
"""Temporal extent of each pathway [frame]."""


class TemporalConvolution(nn.Module):
    """Convolution over time with zero padding to the same length, each level by filters of its own.

    What `nn.Conv1d(..., padding="same")` does per level, as one matrix product and a sum over shifts: three
    times faster on a CPU for a few filters of many features, and without a transposed copy of these.
    """

    def __init__(self, levels: int, filters: int, kernel_size: int) -> None:
        """Draw initial weights as `nn.Conv1d` does."""
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd to keep the length, got {kernel_size}")
        self.kernel_size = kernel_size
        bound = (N_FEATURES * kernel_size) ** -0.5
        self.weight = nn.Parameter(torch.empty(levels, N_FEATURES, kernel_size, filters).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(levels, 1, filters).uniform_(-bound, bound))

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, "batch level time filter"]:
        """Response of each filter at each time."""
        time = features.shape[2]
        product = rearrange(
            features @ rearrange(self.weight, "l f k o -> l f (k o)"), "b l t (k o) -> k b l t o", k=self.kernel_size
        )
        reach = self.kernel_size // 2
        padded = F.pad(product, (0, 0, reach, reach))
        return sum((padded[k, :, :, k : k + time] for k in range(self.kernel_size)), start=self.bias)


class Pathway(nn.Module):
    """Temporal patterns of one length, and the strongest answer to each."""

    def __init__(self, levels: int, filters: int, kernel_size: int, dropout: float) -> None:
        """Take the number of patterns of each level and their length [frame]."""
        super().__init__()
        self.convolution = TemporalConvolution(levels, filters, kernel_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, "batch level filter"]:
        """Maximum over time of each filter's response."""
        response = self.dropout(torch.relu(self.convolution(features)))
        return self.dropout(response.amax(dim=2))


class FeatureDropout(nn.Module):
    """Dropout of whole features: a feature is kept or dropped for all frames of a level."""

    def __init__(self, rate: float) -> None:
        """Take the share of features that is dropped."""
        super().__init__()
        self.rate = rate

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, "batch level time feature"]:
        """Features, some of them 0 and the others larger by as much."""
        if not self.training or self.rate == 0:
            return features
        return features * F.dropout(torch.ones_like(features[:, :, :1]), self.rate)


class TemporalNetwork(nn.Module):
    """Pathways of both levels, concatenated, to one logit."""

    def __init__(
        self,
        settings: NetworkSettings | None = None,
        pathways: Sequence[PathwayName] = AblationSettings().pathways,
        levels: int = 2,
    ) -> None:
        """Build the network.

        Args:
            settings: Sizes and dropout rates; by default `NetworkSettings()`.
            pathways: Temporal pathways; both by default.
            levels: Each has filters of its own.
        """
        super().__init__()
        given = settings or NetworkSettings()
        self.dropout = FeatureDropout(given.feature_dropout)
        self.pathways = nn.ModuleList(
            Pathway(levels, given.filters, KERNEL_SIZES[name], given.dropout) for name in pathways
        )
        self.dense = nn.Linear(len(pathways) * levels * given.filters, given.hidden)
        self.head = nn.Linear(given.hidden, 1)

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, " batch"]:
        """Logit of a large core."""
        kept = self.dropout(features)
        responses = torch.cat([pathway(kept) for pathway in self.pathways], dim=-1)
        hidden = torch.relu(self.dense(rearrange(responses, "b l r -> b (l r)")))
        return rearrange(self.head(hidden), "b 1 -> b")
