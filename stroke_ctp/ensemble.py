"""`python -m stroke_ctp.ensemble`: a study's members and their mean on an external cohort."""

import time

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, digest, file_digest, is_complete, read_json, study_folder, whole, write_json
from stroke_ctp.common.provenance import circumstances
from stroke_ctp.config.command_line import run
from stroke_ctp.model.baselines import BASELINES, baseline_values, probability_of
from stroke_ctp.statistics.auc import roc_auc
from stroke_ctp.study.predictions import complete_runs
from stroke_ctp.study.tables import predictions_table


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
        from stroke_ctp.model.training import member_probability

        probability = np.stack(
            [member_probability(*member, cohort, labels) for member in zip(folders, members, strict=True)]
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
    *members_auc, auc = [roc_auc(labels, column).value for column in columns]
    metrics = {
        "ablation": ablation,
        "n_folds": len(members),
        "members": settings["members"],
        "endpoint": endpoint.as_dict(),
        "encoder": members[0]["encoder"],
        "cohort": {"hash": cohort.hash, "patients": len(cohort), "large": int(labels.sum())},
        "auc": {"external": auc, "members": members_auc},
        "predictions": file_digest(folder / "predictions.csv"),
    }
    write_json(folder / "run.json", circumstances(cohort.folder, study, began))
    write_json(folder / "metrics.json", metrics)
    print(folder)


if __name__ == "__main__":
    run(ensemble, "ensemble", sweeps=True)
