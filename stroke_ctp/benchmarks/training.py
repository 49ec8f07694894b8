"""Training from the bank, against the same steps in a bare PyTorch loop."""

import tempfile
import time
from pathlib import Path

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger
from torch import nn

from stroke_ctp.benchmarks.encoding import default_pipeline
from stroke_ctp.benchmarks.measuring import Timing
from stroke_ctp.cohort.folds import Split
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.data_modules import CachedFeatureData
from stroke_ctp.model.feature_cache import Draws
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.temporal_network import TemporalNetwork
from stroke_ctp.model.torch_threads import torch_threads
from stroke_ctp.model.training_callbacks import (
    AtomicCheckpoints,
    checkpoint_callbacks,
    quiet_lightning,
    single_process,
)


def noise_bank(n_patients: int, n_draws: int) -> Draws:
    """Features that are noise: what training costs does not depend on them."""
    random = np.random.default_rng(0)
    return [
        random.standard_normal((n_patients, *SERIES_SHAPE[:2], N_FEATURES), dtype=np.float32) for _ in range(n_draws)
    ]


def fold_of(n_patients: int, n_folds: int) -> tuple[Split, Int[np.ndarray, " patient"]]:
    """A fold of the size that cross-validation gives it, and classes."""
    rows, n_part = np.arange(n_patients), max(2, n_patients // n_folds)
    return Split(train=rows[2 * n_part :], validation=rows[:n_part], test=rows[n_part : 2 * n_part]), rows % 2


def seconds_per_epoch(bank: Draws, parts: Split, labels: Int[np.ndarray, " patient"], epochs: int) -> float:
    """Of a training as `python -m stroke_ctp.train` does it, checkpoints and log included [s]."""
    quiet_lightning()
    pipeline = default_pipeline()
    data = CachedFeatureData(bank, labels, parts, TrainSettings.batch_size)
    module = CoreClassifier(TemporalNetwork(), nn.Identity(), pipeline.standardization)
    with tempfile.TemporaryDirectory() as folder, torch_threads(1):  # as training from the bank does
        trainer = L.Trainer(
            devices=1,
            max_epochs=1 + epochs,
            logger=CSVLogger(folder),
            callbacks=[*checkpoint_callbacks(TrainingFiles(Path(folder))), stopwatch := _Stopwatch()],
            plugins=[single_process(), AtomicCheckpoints()],
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
        trainer.fit(module, data)
    return (stopwatch.ends[-1] - stopwatch.ends[0]) / epochs


def bare_seconds_per_epoch(bank: Draws, parts: Split, labels: Int[np.ndarray, " patient"], epochs: int) -> float:
    """Of the same steps without Lightning, checkpoints and log [s]."""
    target = device_of("auto")
    features = torch.stack([torch.from_numpy(draw) for draw in bank]).to(target)
    label = torch.from_numpy(labels).float().to(target)
    network = TemporalNetwork().to(target)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=TrainSettings.learning_rate)
    mean, scale = torch.zeros(N_FEATURES, device=target), torch.ones(N_FEATURES, device=target)

    def loss(draw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        logit = network((features[draw, rows] - mean) / scale)
        return F.binary_cross_entropy_with_logits(logit, label[rows])

    def epoch() -> None:
        train = torch.from_numpy(parts.train)
        network.train()
        for rows in train[torch.randperm(len(train))].split(TrainSettings.batch_size):
            optimizer.zero_grad()
            loss(torch.randint(len(bank), rows.shape), rows).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for rows in torch.from_numpy(parts.validation).split(TrainSettings.batch_size):
                loss(torch.zeros_like(rows), rows).item()

    with torch_threads(1):
        epoch()
        began = time.perf_counter()
        for _ in range(epochs):
            epoch()
    return (time.perf_counter() - began) / epochs


def measure_training(repeats: int, n_patients: int, n_draws: int, n_folds: int, epochs: int) -> list[Timing]:
    """One epoch of one fold."""
    bank = noise_bank(n_patients, n_draws)
    parts, labels = fold_of(n_patients, n_folds)
    pairs = [
        (seconds_per_epoch(bank, parts, labels, epochs), bare_seconds_per_epoch(bank, parts, labels, epochs))
        for _ in range(repeats)
    ]
    return [Timing("epoch of training", [ours for ours, _ in pairs], "bare loop", [bare for _, bare in pairs])]


class _Stopwatch(Callback):
    """When each epoch of a training ended; the first has much to set up."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.ends.append(time.perf_counter())
