"""Verify who trained, validated and tested: derive folds, threshold and classes again from cohort and settings."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import digest
from stroke_ctp.common.schemas import plain
from stroke_ctp.common.text import some
from stroke_ctp.model.protocol import Fold
from stroke_ctp.study.audit.findings import Finding, judged
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder

_FOLDS = "Folds are those that follow from cohort and settings"
_LABELS = "Classes and volumes are those of the cohorts"


def examine_roles(study: Study, folder: StudyFolder, training: Cohort | str, external: Cohort | str) -> list[Finding]:
    """Compare recorded roles, thresholds, classes and volumes with those that follow from the cohorts.

    Args:
        study: Predictions and records.
        folder: Of the study.
        training: The cohort that the runs recorded, or why it is not known.
        external: The cohort that was scored, or why it is not known.
    """
    return [*_folds(study, folder.settings(), training), *_labels(study, training, external)]


def _folds(study: Study, shared: Mapping[str, Any], training: Cohort | str) -> list[Finding]:
    if isinstance(training, str):
        return judged(_FOLDS, [], "", [f"training cohort: {training}"])
    runs = [run for model in study.models.values() for run in model.runs.values()]
    wrong = [text for run in runs for text in _wrong_roles(run, shared, training)]
    return judged(_FOLDS, wrong, f"patients of {len(runs)} runs derived again, and the class threshold")


def _wrong_roles(run: RunFolder, shared: Mapping[str, Any], cohort: Cohort) -> Iterator[str]:
    settings, record = run.settings(), run.record()
    where = f"{record.model}, fold {run.member}"
    if digest(shared) != record.settings:
        yield f"{where}: it was trained with other settings than those of the study"
    here = plain(settings)
    if any(here[part] != shared.get(part) for part in ("folds", "endpoint")):
        yield f"{where}: its settings.json is not that of the study"
    if (settings.run_seed, settings.fold) != (run.seed, run.fold) or record.seed != run.seed:
        yield f"{where}: it was trained with seed {settings.seed} in fold {settings.fold}, its folder says otherwise"
    endpoint = Endpoint.of(cohort, settings.endpoint)
    if endpoint != record.endpoint:
        yield f"{where}: the class threshold is {record.endpoint.threshold:g}, the cohort gives {endpoint.threshold:g}"
    parts, names = Fold.of(cohort, endpoint, settings).split, np.array(cohort.patients)
    for role in ("train", "validation", "test"):
        differ = set(names[getattr(parts, role)]) ^ set(getattr(record.patients, role))
        if differ:
            yield f"{where}: patient {some(differ, 3)} recorded in another role than the settings give ({role})"


def _labels(study: Study, training: Cohort | str, external: Cohort | str) -> list[Finding]:
    wrong: list[str] = []
    known = {"training cohort": training, "external cohort": external}
    unchecked = [f"{name}: {cohort}" for name, cohort in known.items() if isinstance(cohort, str)]
    for model in study.models.values():
        if isinstance(training, Cohort):
            wrong += _wrong_labels(model, model.folds, training)
        if isinstance(external, Cohort) and model.external is not None:
            wrong += _wrong_labels(model, model.external, external)
            wrong += _left_out(model, model.external, external)
    examined = ", ".join(f"{len(cohort)} patients" for cohort in known.values() if isinstance(cohort, Cohort))
    return judged(_LABELS, wrong, examined and f"compared with cohort.csv: {examined}", unchecked)


def _wrong_labels(model: ModelPredictions, rows: pd.DataFrame, cohort: Cohort) -> Iterator[str]:
    columns = {"label": model.record.endpoint.labels(cohort)}
    if "core_ml" in cohort.table:
        columns["core_ml"] = cohort.table["core_ml"].to_numpy(float)
    truth: Mapping[str, dict[str, float]] = {
        name: dict(zip(cohort.patients, values.tolist(), strict=True)) for name, values in columns.items()
    }
    strangers = set(rows["patient"]) - set(cohort.patients)
    if strangers:
        yield f"{model.name}: patient {some(strangers, 3)} predicted, but not in the cohort"
        return
    for name, values in truth.items():
        expected = rows["patient"].map(values).to_numpy(float)
        wrong = ~np.isclose(rows[name].to_numpy(float), expected, equal_nan=True)
        if wrong.any():
            patients = some(set(rows.loc[wrong, "patient"]), 3)
            yield f"{model.name}: the {name} of patient {patients} is not the cohort's"


def _left_out(model: ModelPredictions, rows: pd.DataFrame, cohort: Cohort) -> Iterator[str]:
    missing = set(cohort.patients) - set(rows["patient"])
    if missing:
        yield f"{model.name}: patient {some(missing, 3)} of the external cohort not predicted"
