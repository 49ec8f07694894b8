"""The report of a study: a page, tables and figures in `outputs/NAME/report`."""

from collections.abc import Sequence

import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.reporting.caveats import caveats
from stroke_ctp.reporting.console import provenance_text, report_text
from stroke_ctp.reporting.model_text import is_random
from stroke_ctp.reporting.page import Page, ReportFolder, write_page
from stroke_ctp.reporting.report_sections import ReportContent, sections
from stroke_ctp.reporting.results.patient_evidence import PatientEvidence, gather_patient_evidence
from stroke_ctp.reporting.results.same_patients import chosen_patients
from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.reporting.results.study_results import StudyResults, study_results
from stroke_ctp.reporting.study_background import StudyBackground, background_of
from stroke_ctp.reporting.summary_sentences import subtitle
from stroke_ctp.reporting.tables.folds import folds_frame
from stroke_ctp.reporting.tables.main_results import cells_frame, table1, table2
from stroke_ctp.study.audit.evidence import AuditEvidence, CohortEvidence
from stroke_ctp.study.audit.leakage_audit import audit
from stroke_ctp.study.predictions import Study, read_study
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.training_summary import training_summaries

_MEANINGLESS = "Random encoder weights: these results are meaningless."


def write_report(
    folder: StudyFolder,
    sensitivity: float,
    margin: float,
    subgroup: str | None = None,
    partial: bool = False,
    main: str | None = None,
) -> str:
    """Write page, tables and figures of a study.

    Args:
        folder: The study.
        sensitivity: Sensitivity of the second operating point on validation patients.
        margin: Difference of the AUC up to which models are regarded as equally good.
        subgroup: Column of the manifest whose groups are compared.
        partial: Whether folds may be missing.
        main: The model that the report is about; None for the full one, or else the first.

    Returns:
        Tables 1 and 2 with their provenance, as text of at most 80 columns.

    Raises:
        UserError: Nothing was run, folds are missing, predictions are invalid, the leakage audit fails, or no cohort
            has the subgroups' column.
    """
    study = read_study(folder, partial, main)
    content = report_content(study, background_of(folder, study), sensitivity, margin, subgroup)
    models = content.models
    page = Page(
        title=f"Study {study.name}",
        subtitle=subtitle(study),
        sections=sections(content),
        caveats=caveats(study),
        source=provenance_text(study).replace("\n", " "),
        warnings=warnings(study),
        latex=("table1", "table2"),
        frames={
            "table1": cells_frame(table1(models)),
            "table2": cells_frame(table2(models)),
            "folds": folds_frame(models),
        },
    )
    write_page(page, ReportFolder(folder.report))
    return "\n\n".join([report_text(study, models), *page.warnings])


def report_content(
    study: Study, background: StudyBackground, sensitivity: float, margin: float, subgroup: str | None = None
) -> ReportContent:
    """Compute what the report of a study shows; arguments and errors as of `write_report`."""
    trainings = training_summaries(study)
    findings = audit(study, trainings, background.evidence)
    results = study_results(study, sensitivity, margin, subgroup, _cohort_tables(background.evidence))
    return ReportContent(results, trainings, findings, background, subgroup, _same_patients(results, background))


def _same_patients(results: StudyResults, background: StudyBackground) -> Sequence[PatientEvidence] | str:
    """Patients explained by every method, or why that cannot be done; none if the study lacks a method."""
    chosen, cohort = chosen_patients(results), background.evidence.training.cohort
    if not chosen:
        return []
    if cohort is None:
        return background.evidence.training.unknown
    try:
        return gather_patient_evidence(results.study, cohort, chosen)
    except UserError as error:
        return str(error)


def warnings(study: Study) -> list[str]:
    """Warnings about missing folds and random weights."""
    missing = [
        f"{one.name}: folds {', '.join(map(str, folds))}{f' of seed {seed}' if len(one.seeds) > 1 else ''}"
        for one in study.models.values()
        for seed, folds in one.missing.items()
    ]
    partial = [f"Partial study, not run: {'; '.join(missing)}."] if missing else []
    return partial + ([_MEANINGLESS] if is_random(study) else [])


def _cohort_tables(evidence: AuditEvidence) -> dict[Split, pd.DataFrame]:
    cohorts: dict[Split, CohortEvidence] = {"test": evidence.training, "external": evidence.external}
    return {split: cohort.patients for split, cohort in cohorts.items() if not cohort.unknown}
