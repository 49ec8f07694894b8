"""`python -m stroke_ctp.train`: fit, validate and test a model in one fold of a cohort, or in many."""

import time

import numpy as np

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import digest
from stroke_ctp.common.provenance import run_provenance
from stroke_ctp.config.command_line import run, runs_to_come
from stroke_ctp.model.build import build_model
from stroke_ctp.model.protocol import Fold, Model, PredictsVolume
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.study.predictions_file import predictions_table
from stroke_ctp.study.run_folder import CohortReference, RunFolder, RunPatients
from stroke_ctp.study.study_folder import StudyFolder


def train(settings: TrainSettings) -> None:
    """Fit one fold, unless that is done, and write its predictions and its record."""
    cohort = Cohort(settings.cohort)
    endpoint = Endpoint.of(cohort, settings.endpoint)
    fold = Fold.of(cohort, endpoint, settings)
    study, shared = StudyFolder(settings.outputs, settings.name), settings.shared(cohort.hash)
    study.refuse_other_settings(shared)
    folder = study.run(settings.model_name, settings.fold, settings.run_seed)
    if not folder.is_complete:
        model = build_model(settings)
        model.check(cohort)
        study.claim(shared, model.name, model.identity())
        with folder.lock():
            if not folder.is_complete:  # another process may have finished it in the meantime
                folder.write_settings(settings)
                fit_and_score(model, fold, endpoint, digest(shared), folder, study)
                print(folder.path)
                return
    folder.refuse_other_settings(shared)
    folder.refuse_other_pathways(settings)
    study.restore_settings(shared)
    seed = f"seed {folder.seed}, " if folder.seed else ""
    print(f"train: {settings.model_name}, {seed}fold {settings.fold} is complete in {folder.path}")


def fit_and_score(
    model: Model, fold: Fold, endpoint: Endpoint, settings: str, folder: RunFolder, study: StudyFolder
) -> None:
    """Fit a model to the training patients of a fold, score validation and test patients, and write the run."""
    began = time.monotonic()
    fitted = model.fit(fold, folder.training, runs_to_come())
    cohort, parts = fold.cohort, fold.split
    rows = np.concatenate([parts.validation, parts.test])
    splits = ["validation"] * parts.validation.size + ["test"] * parts.test.size
    volumes = fitted.volumes(model.evidence(cohort), rows) if isinstance(fitted, PredictsVolume) else None
    predictions = predictions_table(cohort, fold.labels, rows, fitted.score(cohort, rows), splits, fold.number, volumes)
    names = np.array(cohort.patients)
    record = {
        "model": model.name,
        "seed": folder.seed,
        "fold": fold.number,
        "n_folds": fold.n_folds,
        "endpoint": endpoint,
        "encoder": model.encoder_provenance(),
        "cohort": CohortReference.of(cohort),
        "settings": settings,
        "patients": RunPatients(*(names[part].tolist() for part in (parts.train, parts.validation, parts.test))),
        "fitted": fitted.record(),
    }
    folder.write(record, predictions, run_provenance(cohort.folder, study.path, began))


if __name__ == "__main__":
    run(train, TrainSettings, "train", sweeps=True)
