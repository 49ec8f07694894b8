"""What training and ensemble share: a study's folders and settings, and its parts built from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from hydra.utils import instantiate
from jaxtyping import Float, Int
from omegaconf import DictConfig, OmegaConf

from stroke_ctp import __version__
from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.banked import Draws
from stroke_ctp.cohort.data import CTPDataModule
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import FramePipeline, frame_source
from stroke_ctp.cohort.standardization import FixedStandardization
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.devices import device_of
from stroke_ctp.errors import UserError
from stroke_ctp.model.bank import bank_folder, banked, encoding_precision
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.module import CoreClassifier
from stroke_ctp.model.weights import Provenance
from stroke_ctp.settings import require_real, require_whole

_NOT_RESULTS = ("ablation", "fold", "name", "outputs", "logger", "num_workers")
"""Settings that may differ between the runs of a study: which run it is, and how it is carried out."""

_LEAST = {
    "fold": 0,
    "seed": 0,
    "folds.n": 3,
    "folds.seed": 0,
    "bank.draws": 1,
    "bank.seed": 0,
    "encoder.trainable_blocks": 0,
    "batch_size": 1,
    "num_workers": 0,
    "patience": 1,
    "trainer.max_epochs": 1,
}
"""Settings that are whole numbers, and the least of each."""


def check_settings(config: DictConfig) -> None:
    """Check the settings of a training that no part checks before its study is claimed.

    Raises:
        UserError: One is not of its kind, or out of range.
    """
    if not isinstance(config.standardize_features, bool):
        raise UserError(f"standardize_features must be true or false, got {config.standardize_features!r}")
    require_real("learning_rate", config.learning_rate, above=0)
    require_real("weight_decay", config.weight_decay, least=0)
    for key, least in _LEAST.items():
        require_whole(key, OmegaConf.select(config, key, throw_on_missing=True), least)
    instantiate(config.augmentation)  # checks its own


def run_folder(study: Path, ablation: str, fold: int) -> Path:
    """Where one fold of one ablation lies."""
    return study / ablation / f"fold-{fold}"


def study_settings(config: DictConfig, cohort_hash: str) -> dict[str, Any]:
    """What all runs of a study share because it determines their results; plain values."""
    settings = {key: value for key, value in _plain(config).items() if key not in _NOT_RESULTS}
    settings["cohort"] = cohort_hash
    del settings["network"]["pathways"], settings["bank"]["folder"]
    del settings["trainer"]["accelerator"], settings["trainer"]["devices"]
    return settings


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
    key = {part: _plain(config)[part] for part in ("input", "standardization", "augmentation")}
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


def predictions_table(
    cohort: Cohort,
    labels: Int[np.ndarray, " patient"],
    rows: Int[np.ndarray, " row"],
    probability: Float[np.ndarray, " row"],
    split: str | Sequence[str],
    fold: int | str,
) -> pd.DataFrame:
    """The long table in which every result is kept.

    Args:
        cohort: Whose patients they are.
        labels: Classes of all its patients.
        rows: Which of them.
        probability: Of a large core.
        split: validation, test or external; one for all, or one for each row.
        fold: Number, or `mean` for an ensemble.

    Raises:
        UserError: A probability is none: the training diverged.
    """
    if not np.isfinite(probability).all():
        raise UserError(f"fold {fold}: the training has diverged; take another name and a lower learning_rate")
    patients = cohort.table.iloc[rows]
    return pd.DataFrame(
        {
            "patient": patients["patient"].to_numpy(),
            "fold": fold,
            "split": split,
            "label": labels[rows],
            "core_ml": patients["core_ml"].to_numpy() if "core_ml" in patients else np.nan,
            "probability": probability,
        }
    )


def _plain(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
