"""What both cohorts answer to the items of reporting checklists: their origin, labels, differences and classes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stroke_ctp.common.origin import SIMULATED
from stroke_ctp.common.text import counted
from stroke_ctp.hemodynamics.lesion_definitions import MEASURED
from stroke_ctp.reporting.caveats import caveats, external_cohort
from stroke_ctp.reporting.model_text import endpoint_text
from stroke_ctp.reporting.results.study_results import StudyResults
from stroke_ctp.study.audit.evidence import AuditEvidence, CohortEvidence
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.run_folder import CohortReference

_TRAINING, _EXTERNAL = "Training cohort", "external cohort"
_COMPARED = {"frame_interval_s": "frame interval [s]", "noise_sd_hu": "noise [HU]", "frames_acquired": "frames"}
"""Columns of `quality.csv` whose medians are compared."""
_MEASURED_HERE, _NOT_ANNOTATED_HERE = "volumes were measured by this software", "this software made no annotations"


def cohort_answers(results: StudyResults, evidence: AuditEvidence) -> dict[str, str]:
    """Answers by the names that the checklists use; empty where only the author knows."""
    study = results.study
    known = _cohorts(study)
    found = caveats(study)
    limits = [*found.origin_sentence, *([found.meaning] if found.origin else []), *found.explained()]
    shown = [name for name, cohort in _evidence(evidence).items() if not cohort.unknown]
    table = f"Table “Characteristics of the patients” ({', '.join(shown)}); columns of the manifest: author"
    return {
        "source": _source(known),
        "labels": _labels(study, known),
        "test_labels": _test_labels(study, known),
        "incorporation": "".join(f" {sentence}" for sentence in found.explained()),
        "characteristics": table if shown else "",
        "clusters": _clusters(results),
        "differences": _differences(study, known, evidence),
        "limitations": " ".join([*limits, "Others: author"]) if limits else "",
    }


def _cohorts(study: Study) -> dict[str, CohortReference]:
    external = external_cohort(study)
    return {_TRAINING: study.main.record.cohort, **({_EXTERNAL: external} if external else {})}


def _evidence(evidence: AuditEvidence) -> dict[str, CohortEvidence]:
    return {_TRAINING: evidence.training, _EXTERNAL: evidence.external}


def _source(cohorts: Mapping[str, CohortReference]) -> str:
    if not any(cohort.simulated for cohort in cohorts.values()):
        return ""
    texts = [f"{name}: {one.simulated} of {one.patients} patients are {SIMULATED}" for name, one in cohorts.items()]
    real = any(cohort.simulated < cohort.patients for cohort in cohorts.values())
    return "; ".join([*texts, *(["sources of real patients: author"] if real else [])])


def _definitions(study: Study, cohort: CohortReference) -> str:
    """How the outcome of a cohort was obtained, with the number of patients of each way."""
    column = study.main.record.endpoint.column
    if column != "core_ml":
        return f"column {column} of the manifest"
    texts = [f"{definition or 'not given'} ({counted(n, 'patient')})" for definition, n in cohort.labels.items()]
    return ", ".join(texts)


def _labels(study: Study, cohorts: Mapping[str, CohortReference]) -> str:
    return "; ".join(f"{name}: {_definitions(study, cohort)}" for name, cohort in cohorts.items())


def _test_labels(study: Study, cohorts: Mapping[str, CohortReference]) -> str:
    """How the test patients were labelled, and whether as the training patients were."""
    training = _definitions(study, cohorts[_TRAINING])
    texts = [f"Test folds: as the training folds, {training}"]
    if _EXTERNAL in cohorts:
        here, there = (set(cohorts[name].labels) for name in (_TRAINING, _EXTERNAL))
        alike = "definition not known for all" if "" in here | there else "otherwise than the training cohort"
        alike = "as the training cohort" if here == there and "" not in here else alike
        texts.append(f"external cohort: {alike}, {_definitions(study, cohorts[_EXTERNAL])}")
    measured = any(label in MEASURED.values() for cohort in cohorts.values() for label in cohort.labels)
    return f"{'; '.join(texts)}; {_MEASURED_HERE if measured else _NOT_ANNOTATED_HERE}"


def _clusters(results: StudyResults) -> str:
    """Folds are random parts of one cohort, not hospitals or countries."""
    if results.subgroups is None:
        return "Not examined: folds are random parts of one cohort, not clusters; `subgroup=COLUMN` examines sites"
    groups = len({one.group for one in results.subgroups.aucs})
    return f"AUC in the {groups} groups of the column {results.subgroups.column}; whether these are clusters: author"


def _differences(study: Study, cohorts: Mapping[str, CohortReference], evidence: AuditEvidence) -> str:
    """What differs between development and evaluation data, as far as the cohorts say."""
    if _EXTERNAL not in cohorts:
        return "No external cohort was scored: development and evaluation patients are folds of one cohort"
    texts = [f"outcome: {_labels(study, cohorts)}; threshold of both: {endpoint_text(study.main.record.endpoint)}"]
    tables = {name: one.quality for name, one in _evidence(evidence).items() if not one.unknown}
    if len(tables) == len(cohorts):
        medians = {column: [_median(table, column) for table in tables.values()] for column in _COMPARED}
        texts += [
            f"median {_COMPARED[column]}: {' against '.join(f'{value:.3g}' for value in values)}"
            for column, values in medians.items()
            if np.isfinite(values).all()
        ]
    origins = {name: f"{one.simulated} of {one.patients} simulated" for name, one in cohorts.items() if one.simulated}
    texts += [f"origin: {', '.join(f'{name} {text}' for name, text in origins.items())}"] if origins else []
    return f"{'; '.join(texts)}; setting and eligibility: author"


def _median(table: pd.DataFrame, column: str) -> float:
    """Median of a column; NaN where it is missing or empty."""
    return float(pd.to_numeric(table[column], errors="coerce").median()) if column in table else float("nan")
