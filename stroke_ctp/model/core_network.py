"""The article's network: encoder, feature standardization and temporal network. Lightning is not needed."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp.model.checkpoints import no_fit, read_weights
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.temporal_network import TemporalNetwork


class CoreNetwork(nn.Module):
    """Encoder of frames, and from their features to the logit of a large core, which `forward` computes."""

    def __init__(
        self,
        network: TemporalNetwork,
        encoder: Encoder | nn.Identity,
        input_standardization: nn.Module,
        standardize_features: bool = TrainSettings.standardize_features,
    ) -> None:
        """Take the parts.

        Args:
            network: From features to a logit.
            encoder: From frames to features; the identity where batches hold features.
            input_standardization: The frames' standardization. It is kept here because its running statistics,
                if it has any, belong to the trained weights.
            standardize_features: Whether features are standardized per channel on the training fold.
        """
        super().__init__()
        self.network, self.encoder, self.input_standardization = network, encoder, input_standardization
        self.feature_standardization = FeatureStandardization() if standardize_features else None

    @property
    def has_frozen_backbone(self) -> bool:
        """Whether the backbone is that of the pretrained weights, which identify it."""
        return isinstance(self.encoder, Encoder) and self.encoder.trainable_blocks == 0

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, " batch"]:
        """Logit of a large core.

        Single precision, also where the encoder's is mixed: probabilities of eight bits tie.
        """
        with torch.autocast(features.device.type, enabled=False):
            if self.feature_standardization is not None:
                features = self.feature_standardization(features)
            return self.network(features)

    def weights(self) -> dict[str, Tensor]:
        """What `load_weights` takes."""
        return {
            key: tensor.detach().cpu()
            for key, tensor in self.state_dict().items()
            if not (self.has_frozen_backbone and key.startswith("encoder."))
        }

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of a checkpoint, which does not hold a frozen backbone."""
        result = self.load_state_dict(state, strict=False)
        absent = [key for key in result.missing_keys if not (self.has_frozen_backbone and key.startswith("encoder."))]
        if absent or result.unexpected_keys:
            raise ValueError(f"checkpoint does not fit: missing {absent}, unexpected {result.unexpected_keys}")

    def load_checkpoint(self, path: Path) -> int:
        """Take the weights of a checkpoint; the epoch that they are of.

        Raises:
            UserError: The file is missing, damaged, or of another network.
        """
        state, epoch = read_weights(path)
        try:
            self.load_weights(state)
        except (ValueError, RuntimeError) as error:  # missing parts, other shapes
            raise no_fit(path, error) from None
        return epoch
