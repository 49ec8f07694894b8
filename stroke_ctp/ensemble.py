"""`python -m stroke_ctp.ensemble`: score an external cohort with the members of a study's models and their mean."""

import time
from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.provenance import run_provenance
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.ensemble import EnsembleSettings
from stroke_ctp.study.ensemble_folder import MEAN, ExternalCohort
from stroke_ctp.study.predictions_file import predictions_table
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.run_folder import CohortReference, Elsewhere
from stroke_ctp.study.study_folder import StudyFolder


def ensemble(settings: EnsembleSettings) -> None:
    """Score the external cohort with every model of the study, or with those that were asked for."""
    study = StudyFolder(settings.outputs, settings.name, Elsewhere(settings.bank))
    cohort = Cohort(settings.external)
    models = settings.models or study.models()
    if not models:
        raise UserError(f"nothing was trained in {study.path}; run `{study.train_command} fold=0..9`")
    for model in models:
        study.complete_runs(model)  # hours may pass before the last model's turn
    for model in models:
        score_ensemble(study, model, cohort)


def score_ensemble(study: StudyFolder, model: str, cohort: Cohort) -> None:
    """Score a cohort with all members of one model and their mean, unless that is done."""
    runs = list(study.complete_runs(model).values())
    record, folder = runs[0].record(), study.ensemble(model)
    if cohort.hash == record.cohort.hash:
        raise UserError(f"external={cohort.folder} is the cohort that {study.name} was trained on; give another")
    labels = record.endpoint.labels(cohort)
    folder.claim(cohort.hash, runs)
    with folder.lock():
        if folder.is_complete:
            print(f"ensemble: {model} is complete in {folder.path}")
            return
        began = time.monotonic()
        probability = Predictor.load(study, model).score(cohort).probability
        members = [run.record().digest for run in runs]
        folder.write(
            {
                "model": model,
                "n_folds": record.n_folds,
                "members": members,
                "endpoint": record.endpoint,
                "encoder": record.encoder,
                "cohort": ExternalCohort(**vars(CohortReference.of(cohort)), large=int(labels.sum())),
            },
            _predictions(cohort, labels, dict(zip([run.member for run in runs], probability, strict=True))),
            run_provenance(cohort.folder, study.path, began),
        )
        print(folder.path)


def _predictions(
    cohort: Cohort, labels: Int[np.ndarray, " patient"], members: Mapping[str, Float[np.ndarray, " patient"]]
) -> pd.DataFrame:
    """Of all patients, by every member and by the mean."""
    columns = {**members, MEAN: np.mean(list(members.values()), axis=0)}
    everybody = np.arange(len(cohort))
    return pd.concat(
        predictions_table(cohort, labels, everybody, column, "external", member) for member, column in columns.items()
    )


if __name__ == "__main__":
    run(ensemble, EnsembleSettings, "ensemble")
