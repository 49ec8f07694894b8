"""Made-up studies with the files that training and ensemble write."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stroke_ctp import __version__
from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.files import digest
from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.registry import REGISTRY
from stroke_ctp.model.settings import (
    CONVENTIONAL_MODELS,
    AblationSettings,
    ConventionalSettings,
    FoldSettings,
    PerfusionSettings,
    TrainSettings,
)
from stroke_ctp.study.ensemble_folder import MEAN, ExternalCohort
from stroke_ctp.study.run_folder import CohortReference, RunPatients
from stroke_ctp.study.study_folder import StudyFolder

N_FOLDS, N_PATIENTS = 5, 60
SENSITIVITY, MARGIN = 0.9, 0.05
"""Of the second operating point; difference of the AUC that is irrelevant."""
OXFORD = Provenance("oxford", "804ca2835ecf7539f0cd2a7ac3c18ce8")
COHORT = CohortReference("a", N_PATIENTS, 0, {"DWI": N_PATIENTS})
EXTERNAL = ExternalCohort("b", 12, 0, {"DWI": 12}, large=6)
PROVENANCE = RunProvenance("CPU", "0123456789ab", {"stroke_ctp": __version__, "torch": "2.15.0"}, "../nowhere", 2.0)
ARTICLE_FIT = dict.fromkeys(("feature_cache", "features", "feature_statistics")) | {"epochs": 9, "best_epoch": 4}
CONVENTIONAL_FIT = {"scale": {"slope": 1.0, "intercept": 0.0, "missing": 1.0}, "not_measurable": 0, "values": {}}
PERFUSION_FIT = {
    "weights": "4576ad54fafc1f00",
    "heads": {
        "scaling": {"missing": [1.0] * 4, "mean": [0.0] * 4, "sd": [1.0] * 4},
        "classification": {"slopes": [1.0] * 4, "intercept": 0.0},
        "volume": None,
    },
    "areas": {},
    "not_measurable": 0,
}
FITS = {"perfusion": PERFUSION_FIT, **dict.fromkeys(CONVENTIONAL_MODELS, CONVENTIONAL_FIT)}
"""What models other than the article's record of their fit, here without measurements."""
ENDPOINT = Endpoint("core_ml", 50.0, 50.0)


def write_study(outputs: Path, name: str = "demo") -> StudyFolder:
    """The full model with an ensemble, one reduced model, one conventional core."""
    study = StudyFolder(outputs, name)
    write_model(study, "full", 0, OXFORD)
    write_model(study, "local", 1, OXFORD)
    write_model(study, "cbv", 2, None)
    write_ensemble(study, "full")
    return study


def write_model(
    study: StudyFolder,
    model: str,
    noise: int,
    encoder: Provenance | None,
    one_class: bool = False,
    seed: int = 0,
    **changed: Any,
) -> None:
    """Folds of a model whose probabilities follow the core volume, with noise.

    Args:
        study: Receives them.
        model: Name of the model.
        noise: Seed of the noise.
        encoder: Weights that the model used.
        one_class: Whether all patients of test fold 0 are small.
        seed: Of the training.
        changed: Fields of `RunRecord` that differ from those of other models; of `fitted` those that are given.
    """
    generator = np.random.default_rng(noise)
    core = np.linspace(1, 99, N_PATIENTS)
    if one_class:
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
        write_run(study, model, fold, pd.concat([validation, test]), encoder, seed, **changed)


def write_run(
    study: StudyFolder,
    model: str,
    fold: int,
    predictions: pd.DataFrame,
    encoder: Provenance | None,
    seed: int = 0,
    **changed: Any,
) -> None:
    """One run with these predictions; the patients of all other folds were trained on."""
    settings = replace(settings_of(model, fold), seed=seed)
    shared = settings.shared("a")
    study.claim(shared, model, {})
    run = study.run(model, fold, seed)
    run.write_settings(settings)
    predicted = {split: rows["patient"].tolist() for split, rows in predictions.groupby("split")}
    everybody = [f"p{number}" for number in range(N_PATIENTS)]
    used = {patient for patients in predicted.values() for patient in patients}
    record = {
        "model": model,
        "seed": seed,
        "fold": fold,
        "n_folds": N_FOLDS,
        "endpoint": ENDPOINT,
        "encoder": encoder,
        "cohort": COHORT,
        "settings": digest(shared),
        "patients": RunPatients(
            [patient for patient in everybody if patient not in used],
            predicted.get("validation", []),
            predicted.get("test", []),
        ),
        "fitted": FITS.get(model, ARTICLE_FIT) | changed.pop("fitted", {}),
    }
    run.write(record | changed, predictions, PROVENANCE)


def settings_of(model: str, fold: int) -> TrainSettings:
    """Settings that train a model."""
    settings = TrainSettings(fold=fold, folds=FoldSettings(n=N_FOLDS))
    if model == "perfusion":
        return replace(settings, model=PerfusionSettings(kind="perfusion"))
    if model in REGISTRY and not REGISTRY[model].in_article:
        return replace(settings, model=ConventionalSettings(kind=model))
    return replace(settings, ablation=AblationSettings(name=model))


def write_ensemble(study: StudyFolder, model: str) -> None:
    """Members and their mean for twelve external patients."""
    first = study.run(model, 0).predictions().iloc[:12]
    external = first.assign(patient="e" + first["patient"], split="external")
    members = [run.member for run in study.complete_runs(model).values()]
    rows = pd.concat([external.assign(fold=member) for member in [*members, MEAN]])
    write_external(study, model, rows)


def write_external(study: StudyFolder, model: str, predictions: pd.DataFrame, **changed: Any) -> None:
    """An ensemble of the runs that are there, with these predictions."""
    runs = list(study.complete_runs(model).values())
    record = runs[0].record()
    made_of = {
        "model": model,
        "n_folds": record.n_folds,
        "members": [run.record().digest for run in runs],
        "endpoint": record.endpoint,
        "encoder": record.encoder,
        "cohort": EXTERNAL,
    }
    study.ensemble(model).write(made_of | changed, predictions, PROVENANCE)
