"""What training and ensemble share: a study's folders, settings and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.settings import require_real, require_whole

Score = tuple[Float[np.ndarray, " row"], dict[str, Any]]
"""Probabilities of the validation fold, then of the test fold, and what there is to tell of how they came about."""

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


def run_folder(study: Path, ablation: str, fold: int) -> Path:
    """Where one fold of one ablation lies."""
    return study / ablation / f"fold-{fold}"


def study_settings(config: DictConfig, cohort_hash: str) -> dict[str, Any]:
    """What all runs of a study share because it determines their results; plain values."""
    settings = {key: value for key, value in plain(config).items() if key not in _NOT_RESULTS}
    settings["cohort"] = cohort_hash
    del settings["network"]["pathways"], settings["bank"]["folder"]
    del settings["trainer"]["accelerator"], settings["trainer"]["devices"]
    return settings


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


def plain(config: DictConfig) -> dict[str, Any]:
    """A configuration as plain values, references resolved."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
