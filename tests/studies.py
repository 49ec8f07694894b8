"""Made-up studies with the files that training and ensemble write."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from stroke_ctp.common.files import digest, file_digest

N_FOLDS, N_PATIENTS = 5, 60
OXFORD = {"weights": "oxford", "sha256": "804ca2835ecf7539f0cd2a7ac3c18ce8"}


def write_study(folder: Path) -> Path:
    """The full model with an ensemble, one reduced model, one conventional baseline."""
    write_ablation(folder / "full", 0, OXFORD)
    write_ablation(folder / "local", 1, OXFORD)
    write_ablation(folder / "cbv", 2, None)
    write_ensemble(folder / "full")
    return folder


def write_ablation(
    folder: Path, seed: int, encoder: dict[str, str] | None, one_class: bool = False, sealed: bool = True
) -> None:
    """Folds of a model whose probabilities follow the core volume, with noise."""
    generator = np.random.default_rng(seed)
    core = np.linspace(1, 99, N_PATIENTS)
    if one_class:  # all patients of test fold 0 are small
        core[::N_FOLDS] = 1
    table = pd.DataFrame(
        {
            "patient": [f"p{number}" for number in range(N_PATIENTS)],
            "label": (core > 50).astype(int),
            "core_ml": core,
            "probability": 1 / (1 + np.exp(-(core - 50) / 30 - generator.normal(size=N_PATIENTS))),
        }
    )
    fold_of = np.arange(N_PATIENTS) % N_FOLDS
    for fold in range(N_FOLDS):
        test = table[fold_of == fold].assign(fold=fold, split="test")
        validation = table[fold_of == (fold + 1) % N_FOLDS].assign(fold=fold, split="validation")
        run = folder / f"fold-{fold}"
        run.mkdir(parents=True)
        pd.concat([validation, test]).to_csv(run / "predictions.csv", index=False)
        metrics = {
            "n_folds": N_FOLDS,
            "endpoint": {"column": "core_ml", "threshold": 50.0, "rule": 50.0},
            "encoder": encoder,
            "cohort": {"hash": "a"},
        }
        seal = {"predictions": file_digest(run / "predictions.csv")} if sealed else {}
        (run / "metrics.json").write_text(json.dumps(metrics | seal))


def write_ensemble(folder: Path) -> None:
    """Members and their mean for twelve external patients."""
    first = pd.read_csv(folder / "fold-0" / "predictions.csv").iloc[:12]
    external = first.assign(patient="e" + first["patient"], split="external")
    rows = pd.concat([external.assign(fold=str(fold)) for fold in [*range(N_FOLDS), "mean"]])
    (folder / "ensemble").mkdir()
    rows.to_csv(folder / "ensemble" / "predictions.csv", index=False)
    members = [digest(json.loads((folder / f"fold-{fold}" / "metrics.json").read_text())) for fold in range(N_FOLDS)]
    metrics = {
        "members": members,
        "cohort": {"hash": "b"},
        "predictions": file_digest(folder / "ensemble" / "predictions.csv"),
    }
    (folder / "ensemble" / "metrics.json").write_text(json.dumps(metrics))
