"""Standardization of frames to the scale that the pretrained backbone expects: mean 0, standard deviation 1."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp.cohort.inputs import Input
from stroke_ctp.cohort.standardization_settings import BatchSettings, FixedSettings


class FixedStandardization(nn.Module):
    """Constants, the same for every frame of every cohort."""

    def __init__(self, mean: float, scale: float) -> None:
        """Take constants [HU]."""
        super().__init__()
        self.mean, self.scale = mean, scale

    def forward(self, frames: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Mean and scale to standardize these frames with [HU]."""
        return frames.new_tensor(self.mean), frames.new_tensor(self.scale)


class BatchStandardization(nn.Module):
    """Statistics of the batch in training and running ones at evaluation: the article's, section 2.2.

    A one-channel BatchNorm without affine parameters that returns its statistics, so that the air that augmentation
    moves into the image is standardized equally.
    """

    def __init__(self, momentum: float = 0.1) -> None:
        """Take the share of a batch in the running statistics."""
        super().__init__()
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(()))
        self.register_buffer("running_variance", torch.ones(()))
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    running_mean: Tensor
    running_variance: Tensor
    started: Tensor

    def forward(self, frames: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Mean and standard deviation to standardize these frames with [HU]."""
        if not self.training:
            return self.running_mean, self.running_variance.sqrt()
        variance, mean = torch.var_mean(frames.detach(), correction=0)
        # The first batch sets the running statistics: HU are far from the usual start of 0 and 1.
        weight = torch.where(self.started, self.momentum, 1.0)
        self.running_mean.lerp_(mean, weight)
        self.running_variance.lerp_(variance, weight)
        self.started.fill_(True)
        return mean, variance.sqrt()


def build_standardization(settings: FixedSettings | BatchSettings, shown: Input) -> nn.Module:
    """The module that standardizes the frames of an input."""
    if isinstance(settings, BatchSettings):
        return BatchStandardization(settings.momentum)
    return FixedStandardization(shown.mean, shown.scale)
