"""`python -m stroke_ctp.ensemble`: a study's members and their mean on an external cohort."""

import time
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
from hydra.utils import instantiate
from jaxtyping import Float, Int
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.baseline import BASELINES, baseline_values, probability_of
from stroke_ctp.circumstances import circumstances
from stroke_ctp.cli import run
from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.errors import UserError
from stroke_ctp.evaluation.auc import roc_auc
from stroke_ctp.evaluation.predictions import complete_runs
from stroke_ctp.files import claim, digest, file_digest, is_complete, read_json, study_folder, whole, write_json
from stroke_ctp.model.callbacks import quiet_lightning
from stroke_ctp.model.weights import provenance_of
from stroke_ctp.study import build_data, build_module, frame_pipeline, predictions_table


def ensemble(config: DictConfig) -> None:
    """Score the external cohort with every member and with their mean."""
    study = study_folder(config.outputs, config.name)
    ablation = config.ablation.name
    cohort = Cohort(str(config.external))
    folders = list(complete_runs(study / ablation).values())
    members = [read_json(folder / "metrics.json") for folder in folders]
    if cohort.hash == members[0]["cohort"]["hash"]:
        raise UserError(f"external={config.external} is the cohort that {config.name} was trained on; give another")
    endpoint = Endpoint(**members[0]["endpoint"])
    labels = endpoint.labels(cohort)
    folder = study / ablation / "ensemble"
    settings = {"external": cohort.hash, "members": [digest(member) for member in members]}
    claim(folder, settings, "remove the folder to score anew")
    if is_complete(folder):
        print(f"ensemble: {ablation} is complete in {folder}")
        return

    began = time.monotonic()
    if ablation in BASELINES:
        values = baseline_values(ablation, cohort)
        probability = np.stack([probability_of(values, **member["scale"]) for member in members])
    else:
        probability = np.stack(
            [score_by_network(*member, cohort, labels) for member in zip(folders, members, strict=True)]
        )
    rows = np.arange(len(cohort))
    folds: list[int | str] = [*range(len(members)), "mean"]
    columns = [*probability, probability.mean(axis=0)]
    tables = [
        predictions_table(cohort, labels, rows, column, "external", fold)
        for fold, column in zip(folds, columns, strict=True)
    ]
    with whole(folder / "predictions.csv") as partial:
        pd.concat(tables).to_csv(partial, index=False)
    metrics = {
        "ablation": ablation,
        "n_folds": len(members),
        "members": settings["members"],
        "endpoint": endpoint.as_dict(),
        "encoder": members[0]["encoder"],
        "cohort": {"hash": cohort.hash, "patients": len(cohort), "large": int(labels.sum())},
        "auc": {"external": roc_auc(tables[-1]).value, "members": [roc_auc(table).value for table in tables[:-1]]},
        "predictions": file_digest(folder / "predictions.csv"),
    }
    write_json(folder / "run.json", circumstances(cohort.folder, study, began))
    write_json(folder / "metrics.json", metrics)
    print(folder)


def score_by_network(
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
    module.load_weights(torch.load(folder / "best.ckpt", weights_only=True)["state_dict"])
    trainer: L.Trainer = instantiate(
        config.trainer, logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    return module.probabilities(trainer, data)


if __name__ == "__main__":
    run(ensemble, "ensemble", sweeps=True)
