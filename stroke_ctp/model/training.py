"""Networks of a study: built from its configuration, trained on a fold, asked for a cohort.

Apart from the commands because it takes Lightning seconds to load, which whoever needs no network need not wait for.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from hydra.utils import instantiate
from jaxtyping import Float, Int
from omegaconf import DictConfig, OmegaConf

from stroke_ctp import __version__
from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import FramePipeline, frame_source
from stroke_ctp.cohort.standardization import FixedStandardization
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import whole
from stroke_ctp.model.cached_features import Draws
from stroke_ctp.model.training_callbacks import AtomicCheckpoints, quiet_lightning, torch_threads, training_callbacks
from stroke_ctp.model.checkpoints import read_checkpoint
from stroke_ctp.model.data_modules import CTPDataModule
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_cache import bank_folder, banked, encoding_precision
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.weights import Provenance, provenance_of
from stroke_ctp.study.tables import Score, plain


def frame_pipeline(config: DictConfig) -> FramePipeline:
    """Input and standardization as configured.

    Raises:
        UserError: The configured route cannot carry them.
    """
    pipeline = FramePipeline(instantiate(config.input), instantiate(config.standardization))
    if config.route not in ("bank", "direct"):
        raise UserError(f"route must be bank or direct, got {config.route}")
    if config.route == "bank" and not isinstance(pipeline.standardization, FixedStandardization):
        raise UserError("standardization=batch makes features depend on the batch; add route=direct")
    if config.route == "bank" and config.encoder.trainable_blocks:
        blocks = config.encoder.trainable_blocks
        raise UserError(f"encoder.trainable_blocks={blocks} changes features in training; add route=direct")
    return pipeline


def build_data(
    config: DictConfig,
    cohort: Cohort,
    labels: Int[np.ndarray, " patient"],
    parts: Split,
    pipeline: FramePipeline,
    provenance: Provenance,
) -> CTPDataModule:
    """Batches of a cohort on the configured route; encodes what the bank does not hold yet."""
    augmentation: Augmentation = instantiate(config.augmentation)
    features = None
    if config.route == "bank":
        # Only training needs more than the first draw, which is not augmented.
        n_draws = config.bank.draws if parts.train.size else 1
        features = _bank_features(config, cohort, pipeline, augmentation, provenance, n_draws)
    return CTPDataModule(
        cohort,
        labels,
        parts,
        pipeline,
        augmentation,
        bank=features,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        seed=config.seed,
    )


def _bank_features(
    config: DictConfig,
    cohort: Cohort,
    pipeline: FramePipeline,
    augmentation: Augmentation,
    provenance: Provenance,
    n_draws: int,
) -> Draws:
    device = device_of(config)
    precision = encoding_precision(device, pipeline.input.bfloat16)
    key = {part: plain(config)[part] for part in ("input", "standardization", "augmentation")}
    key |= {
        "version": __version__,
        "device": device.type,
        "seed": config.bank.seed,
        "cohort": cohort.hash,
        "encoder": provenance.as_dict(),
        "precision": str(precision),
    }
    return banked(
        bank_folder(Path(config.bank.folder), key),
        key,
        len(cohort),
        [frame_source(cohort, pipeline, augmentation, config.bank.seed, n, device) for n in range(n_draws)],
        lambda: Encoder(config.encoder.weights),
        precision,
        device,
    )


def build_module(config: DictConfig, pipeline: FramePipeline) -> CoreClassifier:
    """The network, its initial weights drawn from seed and fold; with an encoder on the direct route."""
    direct = config.route == "direct"
    torch.manual_seed(config.seed * 1_000_003 + config.fold)
    return CoreClassifier(
        network=instantiate(config.network),
        encoder=Encoder(config.encoder.weights, config.encoder.trainable_blocks) if direct else None,
        input_standardization=pipeline.standardization,
        standardize_features=config.standardize_features,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        seed=config.seed,
    )


def build_trainer(config: DictConfig, folder: Path, n_after: int | None = 0) -> L.Trainer:
    """Lightning's trainer as configured, with progress, checkpoints and logs of one run, before `n_after` others."""
    quiet_lightning()
    title = f"train {config.ablation.name} {config.fold + 1}/{config.folds.n}"
    return instantiate(
        config.trainer,
        callbacks=training_callbacks(folder, config.patience, title, n_after),
        logger=instantiate(config.logger, save_dir=folder),
        default_root_dir=folder,
        plugins=[single_process(), AtomicCheckpoints()],
    )


def trained(config: DictConfig, module: CoreClassifier, trainer: L.Trainer, data: CTPDataModule, folder: Path) -> Score:
    """Train until the validation loss has not fallen for `patience` epochs; score with the best weights.

    A training that was interrupted continues from its last epoch.
    """
    with whole(folder / ".hydra" / "config.yaml") as partial:
        OmegaConf.save(config, partial)
    last = folder / "last.ckpt"
    if last.exists():
        read_checkpoint(last)  # refuses a damaged one in a sentence
    with _threads(config):
        try:
            trainer.fit(module, data, ckpt_path=last if last.exists() else None)
        except SystemExit:
            # Lightning's answer to Ctrl-C.
            raise KeyboardInterrupt from None
        best = read_checkpoint(folder / "best.ckpt")
        module.load_weights(best["state_dict"])
        details = {"training": {"epochs": trainer.current_epoch, "best_epoch": best["epoch"]}}
        return module.probabilities(trainer, data), details


def _threads(config: DictConfig) -> AbstractContextManager[None]:
    """Batches from the bank are too small to share between cores, and rounding depends on how many share them."""
    return torch_threads(1 if config.route == "bank" else torch.get_num_threads())


def member_probability(
    folder: Path, member: dict[str, Any], cohort: Cohort, labels: Int[np.ndarray, " patient"]
) -> Float[np.ndarray, " patient"]:
    """Probability that a trained member gives each patient.

    Raises:
        UserError: The encoder's weights are not those that the member was trained with.
    """
    quiet_lightning()
    config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    assert isinstance(config, DictConfig)
    config.outputs = str(folder.parents[2])  # a study may have been moved since, to another machine too
    config.trainer.accelerator = "auto"
    pipeline = frame_pipeline(config)
    provenance = provenance_of(config.encoder.weights)
    if provenance.as_dict() != member["encoder"]:
        raise UserError(
            f"{folder} was trained with encoder weights {member['encoder']['sha256'][:12]}…, but "
            f"encoder.weights={config.encoder.weights} are now {provenance.sha256[:12]}…"
        )
    data = build_data(config, cohort, labels, Split.test_only(len(cohort)), pipeline, provenance)
    module = build_module(config, pipeline)
    module.load_weights(read_checkpoint(folder / "best.ckpt")["state_dict"])
    trainer: L.Trainer = instantiate(
        config.trainer, logger=False, enable_checkpointing=False, enable_progress_bar=False, plugins=[single_process()]
    )
    with _threads(config):
        return module.probabilities(trainer, data)
