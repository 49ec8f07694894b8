"""Training of the network in Lightning."""

from typing import Any, Protocol, runtime_checkable

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchmetrics.classification import BinaryAUROC

from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.network import TemporalNetwork


@runtime_checkable
class PatientBatch(Protocol):
    """What the module needs of a batch."""

    label: Float[Tensor, " batch"]
    frames: Float[Tensor, "batch level time height width"] | None
    features: Float[Tensor, "batch level time feature"] | None


class CoreClassifier(L.LightningModule):
    """Encoder, feature standardization and temporal network, trained for large or small core.

    Batches carry either features, from the bank, or frames, which the encoder turns into features.
    """

    def __init__(
        self,
        network: TemporalNetwork,
        encoder: Encoder | None,
        input_standardization: nn.Module,
        standardize_features: bool = True,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Take the parts.

        Args:
            network: From features to a logit.
            encoder: From frames to features; None where features come from the bank.
            input_standardization: The frames' standardization: kept here because its running statistics,
                where it has any, belong to the trained weights.
            standardize_features: Whether features are standardized per channel on the training fold.
            learning_rate: Of RMSprop.
            weight_decay: Of RMSprop.
            seed: Of dropout, together with the step.
        """
        super().__init__()
        self.network, self.encoder, self.input_standardization = network, encoder, input_standardization
        self.feature_standardization = FeatureStandardization() if standardize_features else None
        self.validation_auc = BinaryAUROC()
        self.learning_rate, self.weight_decay, self.seed = learning_rate, weight_decay, seed
        self._train_losses: list[tuple[Tensor, int]] = []
        """Of the epoch's batches, and how many patients they had."""
        # A frozen trunk is not in checkpoints; `load_weights` and the resumed run's tests see to the rest.
        self.strict_loading = encoder is None or encoder.trainable_blocks > 0

    def features(self, batch: PatientBatch) -> Float[Tensor, "batch level time feature"]:
        """Features of a batch as the encoder gives them."""
        if batch.features is not None:
            return batch.features
        assert self.encoder is not None, "frames need an encoder"
        assert batch.frames is not None, "a batch needs frames or features"
        return self.encoder(batch.frames)

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, " batch"]:
        """Logit of a large core, in single precision also where the encoder's is mixed: in eight bits patients tie."""
        with torch.autocast(self.device.type, enabled=False):
            if self.feature_standardization is not None:
                features = self.feature_standardization(features)
            return self.network(features)

    def training_step(self, batch: PatientBatch, batch_idx: int) -> Tensor:
        """Binary cross-entropy of a training batch."""
        loss = F.binary_cross_entropy_with_logits(self(self.features(batch)), batch.label)
        self._train_losses.append((loss.detach(), len(batch.label)))
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean loss; taken by Lightning from step to step, it costs a tenth of each."""
        losses, sizes = zip(*self._train_losses, strict=True)
        self._train_losses.clear()
        self.log("train_loss", torch.stack(losses) @ torch.tensor(sizes, device=self.device).float() / sum(sizes))

    def validation_step(self, batch: PatientBatch, batch_idx: int) -> None:
        """Binary cross-entropy of a validation batch; ROC-AUC of the whole fold, for the log alone."""
        logit = self(self.features(batch))
        loss = F.binary_cross_entropy_with_logits(logit, batch.label)
        self.log("val_loss", loss, batch_size=len(batch.label))
        self.validation_auc(logit, batch.label.int())
        self.log("val_auc", self.validation_auc, batch_size=len(batch.label))

    def predict_step(self, batch: PatientBatch, batch_idx: int, dataloader_idx: int = 0) -> Float[Tensor, " batch"]:
        """Probability of a large core."""
        return torch.sigmoid(self(self.features(batch)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """RMSprop on what is trainable."""
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.RMSprop(trainable, lr=self.learning_rate, weight_decay=self.weight_decay)

    def on_train_start(self) -> None:
        """Fit the feature standardization to the training fold, unless a resumed run has brought it."""
        if self.feature_standardization is None or self.current_epoch > 0:
            return
        batches = self.trainer.datamodule.unaugmented_training(self.device)  # type: ignore[attr-defined]
        with torch.no_grad():
            self.feature_standardization.fit(self.features(batch) for batch in batches)

    def on_train_batch_start(self, batch: PatientBatch, batch_idx: int) -> None:
        """Seed dropout by the step, so that a resumed run is the uninterrupted one."""
        seed = self.seed * 1_000_003 + self.global_step
        # torch.manual_seed would seed every kind of accelerator, and costs a twelfth of a step
        (torch.default_generator if self.device.type == "cpu" else torch).manual_seed(seed)

    def probabilities(self, trainer: L.Trainer, data: L.LightningDataModule) -> Float[np.ndarray, " patient"]:
        """Probability of a large core for the patients of `data.predict_dataloader()`, in its order."""
        batches = trainer.predict(self, data)
        assert batches is not None
        return torch.cat([torch.as_tensor(batch) for batch in batches]).double().cpu().numpy()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave the frozen trunk out: its provenance identifies it, and it weighs 80 MB."""
        if self.encoder is not None and self.encoder.trainable_blocks == 0:
            for key in [key for key in checkpoint["state_dict"] if key.startswith("encoder.")]:
                del checkpoint["state_dict"][key]

    def load_weights(self, state: dict[str, Tensor]) -> None:
        """Take the weights of a checkpoint; those of a frozen trunk are not in it."""
        result = self.load_state_dict(state, strict=False)
        absent = [key for key in result.missing_keys if not key.startswith("encoder.")]
        if absent or result.unexpected_keys:
            raise ValueError(f"checkpoint does not fit: missing {absent}, unexpected {result.unexpected_keys}")
