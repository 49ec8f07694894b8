"""`python -m stroke_ctp.train`: train, validate and test the network in one fold of a cohort, or in many."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from jaxtyping import Float, Int
from omegaconf import DictConfig

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.folds import Split, check_fold, split
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import (
    at_work,
    claim,
    digest,
    file_digest,
    is_complete,
    refuse_others,
    study_folder,
    whole,
    write_json,
)
from stroke_ctp.common.provenance import circumstances
from stroke_ctp.common.settings import require_whole
from stroke_ctp.config.command_line import run, runs_to_come, values_to_come
from stroke_ctp.model.baselines import BASELINES, baseline_values, fit_scale, probability_of
from stroke_ctp.statistics.auc import roc_auc
from stroke_ctp.study.predictions import labels_and_scores
from stroke_ctp.study.tables import Score, check_settings, predictions_table, run_folder, study_settings

WAY_OUT = "choose another name=NAME"


def train(config: DictConfig) -> None:
    """Train one fold, unless that is done, and write its weights, predictions and metrics."""
    check_settings(config)
    for fold in values_to_come("fold"):  # hours may pass before its turn
        check_fold(require_whole("fold", fold, 0), config.folds.n)
    cohort = Cohort(str(config.cohort))
    endpoint = Endpoint.of(cohort, **config.endpoint)
    labels = endpoint.labels(cohort)
    parts = split(labels, config.fold, config.folds.n, config.folds.seed)
    study = study_folder(config.outputs, config.name)
    settings = study_settings(config, cohort.hash)
    refuse_others(study, settings, WAY_OUT)
    folder = run_folder(study, config.ablation.name, config.fold)
    if not is_complete(folder):
        encoder, score = scorer(config, cohort, labels, parts, folder)
        claim(study, settings, WAY_OUT)
        if encoder is not None:
            made_of = {"pathways": list(config.network.pathways), "encoder": encoder}
            claim(study / config.ablation.name, made_of, WAY_OUT)
        # Two commands may ask for one run at a time; the second then finds it complete.
        with at_work(folder / ".lock", wait=True):
            if not is_complete(folder):
                began = time.monotonic()
                probability, details = score()
                facts = {
                    "ablation": config.ablation.name,
                    "fold": config.fold,
                    "n_folds": config.folds.n,
                    "endpoint": endpoint.as_dict(),
                    "encoder": encoder,
                    "cohort": {"hash": cohort.hash, "patients": len(cohort)},
                    "settings": digest(settings),
                }
                predictions = fold_predictions(cohort, labels, parts, probability, config.fold)
                write_run(folder, predictions, facts | details, circumstances(cohort.folder, study, began))
                print(folder)
                return
    print(f"train: {config.ablation.name}, fold {config.fold} is complete in {folder}")


def fold_predictions(
    cohort: Cohort,
    labels: Int[np.ndarray, " patient"],
    parts: Split,
    probability: Float[np.ndarray, " row"],
    fold: int,
) -> pd.DataFrame:
    """The table of a fold's validation patients, then of its test patients."""
    rows = np.concatenate([parts.validation, parts.test])
    names = ["validation"] * parts.validation.size + ["test"] * parts.test.size
    return predictions_table(cohort, labels, rows, probability, names, fold)


def write_run(folder: Path, predictions: pd.DataFrame, facts: dict[str, Any], record: dict[str, Any]) -> None:
    """Write a run's results; last of all what makes it complete.

    Args:
        folder: Of the run.
        predictions: Of the validation and of the test fold.
        facts: What `metrics.json` holds beside AUC and digest of the predictions.
        record: Content of `run.json`.
    """
    with whole(folder / "predictions.csv") as partial:
        predictions.to_csv(partial, index=False)
    measured = {
        "auc": {name: roc_auc(*labels_and_scores(part)).value for name, part in predictions.groupby("split")},
        "predictions": file_digest(folder / "predictions.csv"),
    }
    write_json(folder / "run.json", record)
    write_json(folder / "metrics.json", facts | measured)


def scorer(
    config: DictConfig, cohort: Cohort, labels: Int[np.ndarray, " patient"], parts: Split, folder: Path
) -> tuple[dict[str, Any] | None, Callable[[], Score]]:
    """The encoder's provenance, if there is one, and the work of a run; what can be checked is checked before it."""
    instantiate(config.augmentation)
    if config.ablation.name in BASELINES:
        return None, lambda: score_by_baseline(config.ablation.name, cohort, labels, parts)
    from stroke_ctp.model import training as networks

    pipeline = networks.frame_pipeline(config)
    provenance = networks.provenance_of(str(config.encoder.weights))
    module = networks.build_module(config, pipeline)
    trainer = networks.build_trainer(config, folder, runs_to_come())

    def score() -> Score:
        data = networks.build_data(config, cohort, labels, parts, pipeline, provenance)
        return networks.trained(config, module, trainer, data, folder)

    return provenance.as_dict(), score


def score_by_baseline(name: str, cohort: Cohort, labels: Int[np.ndarray, " patient"], parts: Split) -> Score:
    """Fit orientation and scale of a conventional core to the training folds, and score with them."""
    values = baseline_values(name, cohort)
    scale = fit_scale(values[parts.train], labels[parts.train])
    rows = np.concatenate([parts.validation, parts.test])
    return probability_of(values[rows], **scale), {"scale": scale, "not_measurable": int(np.isnan(values).sum())}


if __name__ == "__main__":
    run(train, "train", sweeps=True)
