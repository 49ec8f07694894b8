"""The training of the article's classifier in Lightning."""

from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import BinaryAUROC

from stroke_ctp.common.random_streams import Purpose, torch_seed
from stroke_ctp.model.core_network import CoreNetwork
from stroke_ctp.model.data_modules import Batch, FoldDataModule
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.temporal_network import TemporalNetwork


class Diverged(Exception):  # noqa: N818 - a finding about a training
    """The loss of a batch, or a feature of a patient, is no number."""

    def __init__(self, epoch: int, rows: list[int]) -> None:
        super().__init__(epoch, rows)
        self.epoch, self.rows = epoch, rows


class CoreClassifier(CoreNetwork, L.LightningModule):
    """The article's classifier, trained to tell large from small cores."""

    def __init__(
        self,
        network: TemporalNetwork,
        encoder: Encoder | nn.Identity,
        input_standardization: nn.Module,
        standardize_features: bool = TrainSettings.standardize_features,
        learning_rate: float = TrainSettings.learning_rate,
        weight_decay: float = TrainSettings.weight_decay,
        seed: int = 0,
    ) -> None:
        """Take the parts.

        Args:
            network: As of `CoreNetwork`.
            encoder: The same.
            input_standardization: The same.
            standardize_features: The same.
            learning_rate: Of RMSprop.
            weight_decay: Of RMSprop.
            seed: Of dropout, together with the step.
        """
        super().__init__(network, encoder, input_standardization, standardize_features)
        self.validation_auc = BinaryAUROC()
        self.learning_rate, self.weight_decay, self.seed = learning_rate, weight_decay, seed
        self._train_losses: list[tuple[Tensor, int]] = []
        """Loss and number of patients of each batch of the epoch."""
        # Lightning must not require the frozen backbone, which checkpoints leave out.
        self.strict_loading = not self.has_frozen_backbone

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Binary cross-entropy of a training batch."""
        loss = F.binary_cross_entropy_with_logits(self(self.encoder(batch.input)), batch.label)
        self._train_losses.append((loss.detach(), len(batch.label)))
        self._refuse_diverged(loss, batch)
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean loss. Logging every step through Lightning takes a tenth of the step."""
        losses, sizes = zip(*self._train_losses, strict=True)
        self._train_losses.clear()
        self.log("train_loss", torch.stack(losses) @ torch.tensor(sizes, device=self.device).float() / sum(sizes))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Binary cross-entropy of a validation batch, and ROC-AUC of the whole fold, which is only logged."""
        logit = self(self.encoder(batch.input))
        loss = F.binary_cross_entropy_with_logits(logit, batch.label)
        self._refuse_diverged(loss, batch)
        self.log("val_loss", loss, batch_size=len(batch.label))
        self.validation_auc(logit, batch.label.int())
        self.log("val_auc", self.validation_auc, batch_size=len(batch.label))

    def _refuse_diverged(self, loss: Tensor, batch: Batch) -> None:
        """End a training whose loss is no number, before it is written into a checkpoint.

        Raises:
            Diverged: Names the rows of the batch.
        """
        if not torch.isfinite(loss):
            raise Diverged(self.current_epoch, batch.row.tolist())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """RMSprop on what is trainable."""
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.RMSprop(trainable, lr=self.learning_rate, weight_decay=self.weight_decay)

    def on_train_start(self) -> None:
        """Fit the feature standardization to the training fold; a resumed run has it in its checkpoint."""
        if self.feature_standardization is None or self.current_epoch > 0:
            return
        data: FoldDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        with torch.no_grad():
            self.feature_standardization.fit(
                self._finite_features(batch) for batch in data.unaugmented_training(self.device)
            )

    def _finite_features(self, batch: Batch) -> Tensor:
        """Features of a batch; one that is no number would spoil the scale of all.

        Raises:
            Diverged: Names the rows with such features.
        """
        features = self.encoder(batch.input)
        spoilt = ~torch.isfinite(features).flatten(1).all(1)
        if spoilt.any():
            raise Diverged(self.current_epoch, batch.row[spoilt.cpu()].tolist())
        return features

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout by the step, so that a resumed run repeats the uninterrupted one."""
        seed = torch_seed(self.seed, Purpose.DROPOUT, self.global_step)
        # torch.manual_seed seeds every kind of accelerator, which takes a twelfth of a step.
        (torch.default_generator if self.device.type == "cpu" else torch).manual_seed(seed)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave the frozen backbone out: its provenance identifies it, and it takes 80 MB."""
        if self.has_frozen_backbone:
            for key in [key for key in checkpoint["state_dict"] if key.startswith("encoder.")]:
                del checkpoint["state_dict"][key]
