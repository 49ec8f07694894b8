"""What the leakage audit examines beyond predictions: cohorts, and the patients that statistics were fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import file_digest
from stroke_ctp.study.audit.conventional import examine_conventional
from stroke_ctp.study.audit.feature_statistics import FeatureStatistics, compare_statistics
from stroke_ctp.study.audit.findings import Finding
from stroke_ctp.study.audit.first_epochs import examine_first_epochs
from stroke_ctp.study.audit.near_duplicates import NoisePattern, noise_pattern
from stroke_ctp.study.audit.networks import examine_networks
from stroke_ctp.study.audit.perfusion import examine_perfusion
from stroke_ctp.study.audit.roles import examine_roles
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.recorded_cohort import recorded_cohort
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
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Content of `quality.csv`."""
    series: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every patient's series."""
    noise: Mapping[str, NoisePattern | None] = field(default_factory=dict)
    """Noise of every patient's series; None of a series without noise."""
    cohort: Cohort | None = None
    """The cohort itself; None where it is not known."""


@dataclass(frozen=True)
class AuditEvidence:
    """Cohorts of a study as far as they are known, and what was computed again from its files."""

    training: CohortEvidence = field(default_factory=CohortEvidence)
    external: CohortEvidence = field(default_factory=CohortEvidence)
    statistics: FeatureStatistics = field(default_factory=FeatureStatistics)
    examined: Sequence[Finding] = ()
    """Roles, classes, predictions, trainings, conventional cores and perfusion heads, computed again."""


def gather_evidence(folder: StudyFolder, study: Study) -> AuditEvidence:
    """Read the cohorts of a study, and compute again what its files allow."""
    runs = [run for model in study.models.values() for run in model.runs.values()]
    ensembles = [folder.ensemble(model.name) for model in study.models.values() if model.ensemble_record]
    training, external = recorded_cohort(folder, runs), recorded_cohort(folder, ensembles)
    if isinstance(training, str):
        statistics = FeatureStatistics(f"training cohort: {training}")
    else:
        statistics = compare_statistics(runs, training.patients)
    examined = [
        *examine_roles(study, folder, training, external),
        *examine_networks(study, folder, training, external),
        *examine_first_epochs(study, training),
        *examine_conventional(study, training, external),
        *examine_perfusion(study, training, external),
    ]
    return AuditEvidence(cohort_evidence(training), cohort_evidence(external), statistics, examined)


def cohort_evidence(cohort: Cohort | str) -> CohortEvidence:
    """What the audit examines of a cohort, or why it is not known."""
    if isinstance(cohort, str):
        return CohortEvidence(cohort)
    return CohortEvidence(
        "",
        asdict(cohort.description.counts),
        cohort.table,
        cohort.excluded,
        cohort.quality,
        {patient: file_digest(path) for patient, path in cohort.series_files.items()},
        {patient: noise_pattern(cohort.series(row)) for row, patient in enumerate(cohort.patients)},
        cohort,
    )
