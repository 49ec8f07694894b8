"""Networks of a study: built from settings, trained on a fold, applied to a cohort.

A module of its own because Lightning takes seconds to load, and baselines do not need it.
"""

import dataclasses
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger

from stroke_ctp import __version__
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import FramePipeline, frame_source
from stroke_ctp.cohort.standardization import build_standardization
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import plain
from stroke_ctp.common.types import Score
from stroke_ctp.model.cached_features import Draws
from stroke_ctp.model.callbacks import WholeCheckpoints, alone, quiet_lightning, torch_threads, training_callbacks
from stroke_ctp.model.checkpoint import read_checkpoint
from stroke_ctp.model.data import CTPDataModule
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_cache import bank_folder, banked, encoding_precision
from stroke_ctp.model.module import CoreClassifier
from stroke_ctp.model.network import TemporalNetwork
from stroke_ctp.model.settings import TrainSettings, read_settings, write_settings
from stroke_ctp.model.weights import Provenance, provenance_of


def frame_pipeline(settings: TrainSettings) -> FramePipeline:
    """Input and standardization."""
    return FramePipeline(settings.input, build_standardization(settings.standardization, settings.input))


def build_data(
    settings: TrainSettings,
    cohort: Cohort,
    labels: Int[np.ndarray, " patient"],
    parts: Split,
    pipeline: FramePipeline,
    provenance: Provenance,
) -> CTPDataModule:
    """Batches of a cohort on the route that was chosen; encodes what the cache does not hold yet."""
    features = None
    if settings.route == "bank":
        # Only training needs more than the first draw, which is not augmented.
        n_draws = settings.bank.draws if parts.train.size else 1
        features = _cached_features(settings, cohort, pipeline, provenance, n_draws)
    return CTPDataModule(
        cohort,
        labels,
        parts,
        pipeline,
        settings.augmentation,
        bank=features,
        batch_size=settings.batch_size,
        num_workers=settings.num_workers,
        seed=settings.seed,
    )


def _cached_features(
    settings: TrainSettings, cohort: Cohort, pipeline: FramePipeline, provenance: Provenance, n_draws: int
) -> Draws:
    device = device_of(settings.trainer.accelerator)
    precision = encoding_precision(device, pipeline.input.bfloat16)
    key = {part: plain(settings)[part] for part in ("input", "standardization", "augmentation")}
    key |= {
        "version": __version__,
        "device": device.type,
        "seed": settings.bank.seed,
        "cohort": cohort.hash,
        "encoder": provenance.as_dict(),
        "precision": str(precision),
    }
    seed, augmentation = settings.bank.seed, settings.augmentation
    return banked(
        bank_folder(settings.cache, key),
        key,
        len(cohort),
        [frame_source(cohort, pipeline, augmentation, seed, n, device) for n in range(n_draws)],
        lambda: Encoder(settings.encoder.weights),
        precision,
        device,
    )


def build_module(settings: TrainSettings, pipeline: FramePipeline) -> CoreClassifier:
    """The network, its initial weights drawn from seed and fold; with an encoder on the direct route."""
    torch.manual_seed(settings.seed * 1_000_003 + settings.fold)
    encoder = settings.encoder
    return CoreClassifier(
        network=TemporalNetwork(settings.network),
        encoder=Encoder(encoder.weights, encoder.trainable_blocks) if settings.route == "direct" else None,
        input_standardization=pipeline.standardization,
        standardize_features=settings.standardize_features,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
    )


def build_trainer(settings: TrainSettings, folder: Path, n_after: int | None = 0) -> L.Trainer:
    """Lightning's trainer with progress, checkpoints and logs of one run, before `n_after` others."""
    quiet_lightning()
    title = f"train {settings.ablation.name} {settings.fold + 1}/{settings.folds.n}"
    return _trainer(
        settings,
        callbacks=training_callbacks(folder, settings.patience, title, n_after),
        logger=build_logger(settings, folder),
        default_root_dir=folder,
        num_sanity_val_steps=0,
        log_every_n_steps=1,  # epochs have few steps
        enable_model_summary=False,
        plugins=[alone(), WholeCheckpoints()],
    )


def _trainer(settings: TrainSettings, **others: Any) -> L.Trainer:
    """Lightning's trainer.

    Raises:
        UserError: This machine cannot train so.
    """
    try:
        return L.Trainer(**dataclasses.asdict(settings.trainer), **others)
    except (MisconfigurationException, ValueError) as error:
        raise UserError(f"trainer settings do not fit this machine: {' '.join(str(error).split())}") from None


def build_logger(settings: TrainSettings, folder: Path) -> Logger:
    """Where the losses of one run are logged.

    Raises:
        UserError: Its package is not installed.
    """
    try:
        if settings.logger == "csv":
            return CSVLogger(folder, name="logs")
        if settings.logger == "tensorboard":
            return TensorBoardLogger(folder, name="logs")
        return MLFlowLogger(
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", f"file:{settings.outputs}/mlruns"),
            experiment_name=settings.name,
            run_name=f"{settings.ablation.name}-fold-{settings.fold}",
        )
    except ModuleNotFoundError:
        extra = settings.logger
        raise UserError(f"logger={extra} needs a package: pip install '.[{extra}]', or choose logger=csv") from None


def trained(
    settings: TrainSettings, module: CoreClassifier, trainer: L.Trainer, data: CTPDataModule, folder: Path
) -> Score:
    """Train until the validation loss has not fallen for `patience` epochs; score with the best weights.

    A training that was interrupted continues from its last epoch.
    """
    write_settings(folder, settings)
    last = folder / "last.ckpt"
    if last.exists():
        read_checkpoint(last)  # refuses a damaged one in a sentence
    with _threads(settings):
        try:
            trainer.fit(module, data, ckpt_path=last if last.exists() else None)
        except SystemExit:
            # Lightning's answer to Ctrl-C.
            raise KeyboardInterrupt from None
        best = read_checkpoint(folder / "best.ckpt")
        module.load_weights(best["state_dict"])
        details = {"training": {"epochs": trainer.current_epoch, "best_epoch": best["epoch"]}}
        return module.probabilities(trainer, data), details


def _threads(settings: TrainSettings) -> AbstractContextManager[None]:
    """Batches of cached features are too small to share between cores, and rounding depends on how many share them."""
    return torch_threads(1 if settings.route == "bank" else torch.get_num_threads())


def member_probability(
    folder: Path, member: dict[str, Any], cohort: Cohort, labels: Int[np.ndarray, " patient"]
) -> Float[np.ndarray, " patient"]:
    """Probability that a trained member gives each patient.

    Raises:
        UserError: The encoder's weights are not those that the member was trained with.
    """
    quiet_lightning()
    recorded = read_settings(folder)
    settings = dataclasses.replace(recorded, trainer=dataclasses.replace(recorded.trainer, accelerator="auto"))
    provenance = provenance_of(settings.encoder.weights)
    if provenance.as_dict() != member["encoder"]:
        raise UserError(
            f"{folder} was trained with encoder weights {member['encoder']['sha256'][:12]}…, but "
            f"encoder.weights={settings.encoder.weights} are now {provenance.sha256[:12]}…"
        )
    pipeline = frame_pipeline(settings)
    data = build_data(settings, cohort, labels, Split.test_only(len(cohort)), pipeline, provenance)
    module = build_module(settings, pipeline)
    module.load_weights(read_checkpoint(folder / "best.ckpt")["state_dict"])
    trainer = _trainer(
        settings,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[alone()],
    )
    with _threads(settings):
        return module.probabilities(trainer, data)
