"""The spatial encoder: VGG19's backbone, shared by all frames and levels."""

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from stroke_ctp.model.provenance import CarriedWeights, Provenance
from stroke_ctp.model.weights import pretrained_backbone

FRAMES_AT_A_TIME = {"cpu": 8, "cuda": 256}
"""On a CPU, what stays in its caches is encoded a twelfth faster than whole patients. On a GPU, the largest activations
of as many frames take 1 GB each in single precision: a batch of twelve patients has 768 frames."""


class Encoder(nn.Module):
    """VGG19 without its classifier, max-pooled to 512 features per frame (of 128 × 128: 4 × 4 pooled)."""

    def __init__(self, weights: str | CarriedWeights = "oxford", trainable_blocks: int = 0) -> None:
        """Load the backbone.

        Args:
            weights: See `weights.pretrained_backbone`.
            trainable_blocks: How many of the five convolutional blocks are trained, from the last.

        Raises:
            UserError: The weights cannot be obtained.
        """
        super().__init__()
        self.backbone, self.provenance = pretrained_backbone(weights)
        self.backbone.requires_grad_(False)
        self.trainable_blocks = trainable_blocks
        for block in _blocks(self.backbone)[5 - trainable_blocks :]:
            block.requires_grad_(True)
        self.backbone.to(memory_format=torch.channels_last)

    provenance: Provenance

    def forward(
        self, frames: Float[Tensor, "batch level time height width"]
    ) -> Float[Tensor, "batch level time feature"]:
        """Features of standardized frames; the three colour channels are equal."""
        batch, level, time = frames.shape[:3]
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trainable_blocks > 0):
            grey = rearrange(frames, "b l t h w -> (b l t) h w")
            parts = grey.split(FRAMES_AT_A_TIME.get(grey.device.type, len(grey)))
            features = torch.cat([self._encode(part) for part in parts])
        return rearrange(features, "(b l t) f -> b l t f", b=batch, l=level, t=time).float()

    @torch.no_grad()
    def strongest(
        self, frames: Float[Tensor, "batch level time height width"]
    ) -> tuple[Float[Tensor, "batch level time feature"], Int[Tensor, "batch level time feature"], tuple[int, int]]:
        """Features of standardized frames, and where each is read.

        Returns:
            The features, the number of the cell in which each has its maximum, and the rows and columns of cells: those
            of the last convolution (16 pixels each), since the pooling behind it does not change the maximum.
        """
        before_pooling, shape = self.backbone[:-1], (0, 0)
        values, cells = [], []
        for frame in rearrange(frames, "b l t h w -> (b l t) 1 h w"):
            response = before_pooling(_colour(frame))
            shape = (response.shape[2], response.shape[3])
            strongest = response.flatten(2).max(dim=2)
            values.append(strongest.values)
            cells.append(strongest.indices)
        of_frames = {"b": frames.shape[0], "l": frames.shape[1]}
        features = rearrange(torch.cat(values).float(), "(b l t) f -> b l t f", **of_frames)
        return features, rearrange(torch.cat(cells), "(b l t) f -> b l t f", **of_frames), shape

    def _encode(self, grey: Float[Tensor, "frame height width"]) -> Float[Tensor, "frame feature"]:
        return self.backbone(_colour(grey)).amax(dim=(-2, -1))


def _colour(grey: Float[Tensor, "frame height width"]) -> Float[Tensor, "frame 3 height width"]:
    return repeat(grey, "n h w -> n c h w", c=3).contiguous(memory_format=torch.channels_last)


def encoder_autocast(device: torch.device, precision: str) -> torch.autocast:
    """Mixed precision as in Lightning's trainer, which replaces float16 on a CPU.

    Args:
        device: Where the encoder runs.
        precision: See `TrainerSettings.precision`.
    """
    half = torch.float16 if precision == "16-mixed" and device.type != "cpu" else torch.bfloat16
    return torch.autocast(device.type, half, enabled=precision != "32-true")


def _blocks(backbone: nn.Sequential) -> list[nn.Sequential]:
    """The backbone's five blocks, each ending with its pooling."""
    ends = [k + 1 for k, module in enumerate(backbone) if isinstance(module, nn.MaxPool2d)]
    return [backbone[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
