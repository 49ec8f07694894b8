"""Whose features a study's networks were standardized by: the statistics of their checkpoints, computed anew."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.common.files import is_complete, read_json
from stroke_ctp.model.checkpoint import read_checkpoint
from stroke_ctp.study.audit_evidence import CohortFacts, FeatureStatistics
from stroke_ctp.study.prediction_tables import is_sealed, read_predictions

_KEYS = ("input", "standardization", "augmentation")
"""Settings that determine features; with cohort, encoder and seed they name a bank."""


def feature_statistics(study: Path, training: CohortFacts) -> FeatureStatistics:
    """Compare the mean of every channel in every checkpoint with that of the patients of that fold.

    It is computed anew of four groups: the training patients, and these with the validation patients, with the test
    patients, with both. The nearest decides whose it is, so that features of another precision accuse nobody.

    Args:
        study: Its folder, `OUTPUTS/NAME`.
        training: The cohort, whose order is that of the bank's features.
    """
    runs = [run for run in sorted(study.glob("*/fold-*")) if is_complete(run) and (run / "best.ckpt").exists()]
    if not runs:
        return FeatureStatistics("no checkpoint lies beside the predictions")
    if training.unknown:
        return FeatureStatistics(f"training cohort: {training.unknown}")
    wrong, differences = [], []
    for run in runs:
        state = read_checkpoint(run / "best.ckpt")["state_dict"]
        if "feature_standardization.mean" not in state:
            return FeatureStatistics("the networks take features as they come: nothing was fitted to anybody")
        bank = _bank(study, run)
        if bank is None:
            return FeatureStatistics("the features that were trained on lie in no bank")
        means, groups = _means_of_patients(bank), _groups(run, training.patients)
        distances = {name: _distance(state, means[rows]) for name, rows in groups.items()}
        nearest = min(distances, key=lambda name: distances[name])
        differences.append(distances["training patients"])
        if nearest != "training patients":
            wrong.append(f"the feature statistics of {run.parent.name}, {run.name} are of the {nearest}")
    return FeatureStatistics("", len(runs), max(differences), wrong)


def _groups(run: Path, patients: pd.DataFrame) -> dict[str, Bool[np.ndarray, " patient"]]:
    """Rows of the cohort that the statistics of a fold may be of."""
    is_sealed(run)  # or refused: what was changed may be no table any more
    predictions = read_predictions(run / "predictions.csv", (run.name.removeprefix("fold-"),))
    held_out = {
        split: patients["patient"].isin(predictions.loc[predictions["split"] == split, "patient"]).to_numpy()
        for split in ("validation", "test")
    }
    trained = ~held_out["validation"] & ~held_out["test"]
    return {
        "training patients": trained,
        "training and validation patients": ~held_out["test"],
        "training and test patients": ~held_out["validation"],
        "whole cohort": np.ones(len(patients), dtype=bool),
    }


def _distance(state: dict[str, torch.Tensor], means: Float[np.ndarray, "patient feature"]) -> float:
    """Largest difference of a channel's mean [standard deviations]."""
    mean, scale = (state[f"feature_standardization.{name}"].double().numpy() for name in ("mean", "scale"))
    return float(np.abs((means.mean(axis=0) - mean) / scale).max())


@cache
def _means_of_patients(bank: Path) -> Float[np.ndarray, "patient feature"]:
    """Over both levels and all frames, of which everybody has as many; the first draw is not augmented."""
    return np.load(bank / "draw-000.npy", mmap_mode="r").mean(axis=(1, 2), dtype=np.float64)


def _bank(study: Path, run: Path) -> Path | None:
    """Folder of the features that a run was trained on, by its settings."""
    config = OmegaConf.load(run / ".hydra" / "config.yaml")
    assert isinstance(config, DictConfig)
    config.outputs = str(study.parent)  # a study may have been moved since
    metrics = read_json(run / "metrics.json")
    plain: Any = OmegaConf.to_container(config, resolve=True)
    wanted = {key: plain[key] for key in _KEYS} | {"seed": plain["bank"]["seed"], "encoder": metrics["encoder"]}
    wanted["cohort"] = metrics["cohort"]["hash"]
    for path in sorted(Path(plain["bank"]["folder"]).glob("*/key.json")):
        key = read_json(path)
        if (path.parent / "draw-000.npy").exists() and all(key.get(name) == value for name, value in wanted.items()):
            return path.parent
    return None
