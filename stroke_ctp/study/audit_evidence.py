"""What the leakage audit examines beyond predictions: cohorts, and the patients that statistics were fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest
from stroke_ctp.study.ensemble_folder import EnsembleFolder
from stroke_ctp.study.feature_statistics import FeatureStatistics, compare_statistics
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder


@dataclass(frozen=True)
class CohortEvidence:
    """A cohort as preprocessing left it."""

    unknown: str = "the report was not given the cohort's folder"
    """Why nothing is known about the cohort; empty if it was found."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """Numbers of patients at each stage of inclusion, as in `cohort.json`."""
    patients: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Content of `cohort.csv`."""
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Content of `excluded.csv`."""
    series: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every patient's series."""


@dataclass(frozen=True)
class AuditEvidence:
    """Cohorts and feature statistics of a study, as far as they are known."""

    training: CohortEvidence = field(default_factory=CohortEvidence)
    external: CohortEvidence = field(default_factory=CohortEvidence)
    statistics: FeatureStatistics = field(default_factory=FeatureStatistics)


def gather_evidence(folder: StudyFolder, study: Study) -> AuditEvidence:
    """Read the cohorts of a study and compare the statistics in its checkpoints with the cached features."""
    runs = [run for model in study.models.values() for run in model.runs.values()]
    ensembles = [folder.ensemble(model.name) for model in study.models.values() if model.ensemble_record]
    training, external = _cohort(folder, runs), _cohort(folder, ensembles)
    if training.unknown:
        statistics = FeatureStatistics(f"training cohort: {training.unknown}")
    else:
        statistics = compare_statistics(runs, training.patients["patient"].tolist())
    return AuditEvidence(training, external, statistics)


def _cohort(study: StudyFolder, users: list[RunFolder] | list[EnsembleFolder]) -> CohortEvidence:
    """The cohort that runs or ensembles used, in the folder that they recorded."""
    if not users:
        return CohortEvidence("no such cohort was scored")
    folder = (study.path / users[0].provenance().cohort).resolve()
    if not CohortFolder(folder).table.exists():
        return CohortEvidence(f"its folder {folder.name} was moved or removed")
    try:
        cohort = Cohort(folder)
        counts = cohort.description["counts"]
    except UserError:
        return CohortEvidence(f"its folder {folder.name} is incomplete; preprocess again")
    if cohort.hash != users[0].record().cohort.hash:
        return CohortEvidence(f"its folder {folder.name} now holds another cohort")
    lost = [path.name for path in cohort.series_files.values() if not path.exists()]
    if lost:
        return CohortEvidence(f"its series {lost[0]} is missing")
    digests = {patient: file_digest(path) for patient, path in cohort.series_files.items()}
    return CohortEvidence("", counts, cohort.table, cohort.excluded, digests)
