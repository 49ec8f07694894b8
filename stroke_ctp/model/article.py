"""The article's model: frozen VGG19 features of every frame, and temporal convolutions over them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger
from torch import Tensor, nn

from stroke_ctp import __version__
from stroke_ctp.cohort.frames import FramePipeline, frame_source, load_series
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.random_streams import Purpose, torch_seed
from stroke_ctp.model.checkpoints import TrainingFiles, read_checkpoint
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.data_modules import CachedFeatureData, FoldDataModule, FrameData
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_cache import Draws, FeatureCache, encoding_precision
from stroke_ctp.model.protocol import Fold
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.temporal_network import TemporalNetwork
from stroke_ctp.model.training_callbacks import (
    AtomicCheckpoints,
    quiet_lightning,
    single_process,
    torch_threads,
    training_callbacks,
)
from stroke_ctp.model.weights import Provenance, provenance_of


class ArticleModel:
    """The article's network as configured. The cached route encodes a cohort once; the direct route every batch."""

    def __init__(self, settings: TrainSettings) -> None:
        """Take the settings; nothing is loaded yet."""
        self.settings = settings
        standardization = build_standardization(settings.standardization, settings.input)
        self.pipeline = FramePipeline(settings.input, standardization)

    @property
    def name(self) -> str:
        """Name of the ablation."""
        return self.settings.model_name

    @property
    def encoder(self) -> Provenance:
        """Weights of the backbone."""
        return provenance_of(self.settings.encoder.weights)

    def identity(self) -> dict[str, Any]:
        """Pathways and backbone weights."""
        return {"pathways": list(self.settings.network.pathways), "encoder": self.encoder.as_dict()}

    def check(self) -> None:
        """Build the trainer and the logger once, to refuse settings that this machine or installation lacks."""
        quiet_lightning()
        with tempfile.TemporaryDirectory() as folder:
            self._trainer(logger=self._logger(Path(folder)))

    def fit(self, fold: Fold, files: TrainingFiles, runs_to_come: int | None = 0) -> "FittedArticle":
        """Train until the validation loss has not fallen for `patience` epochs; keep the weights of its minimum."""
        quiet_lightning()
        classifier = self.classifier(fold.number, with_encoder=self._is_direct)
        title = f"train {self.name} {fold.number + 1}/{fold.n_folds}"
        trainer = self._trainer(
            callbacks=training_callbacks(files, self.settings.patience, title, runs_to_come),
            logger=self._logger(files.folder),
            default_root_dir=files.folder,
        )
        last = files.last if files.last.exists() else None
        if last is not None:
            read_checkpoint(last)  # refuses a damaged one
        data = self._data(fold)
        with self.threads():
            try:
                trainer.fit(classifier, data, ckpt_path=last)
            except SystemExit:  # Lightning's reaction to Ctrl-C
                raise KeyboardInterrupt from None
        best = read_checkpoint(files.best)
        classifier.load_weights(best["state_dict"])
        return FittedArticle(self, classifier, trainer.current_epoch, best["epoch"], self.cache(fold.cohort))

    def load(self, files: TrainingFiles, record: Mapping[str, Any]) -> "FittedArticle":
        """A network trained before, with the weights of its best epoch."""
        quiet_lightning()
        classifier = self.classifier(0, with_encoder=self._is_direct)
        classifier.load_weights(read_checkpoint(files.best)["state_dict"])
        return FittedArticle(self, classifier, record["epochs"], record["best_epoch"], record["feature_cache"])
