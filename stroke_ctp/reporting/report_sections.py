"""The sections of a study's report, each with its sentences, tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.checklist_answers import checklist_answers
from stroke_ctp.reporting.checklists import checklist_tables
from stroke_ctp.reporting.figures import probabilities as probability_figures
from stroke_ctp.reporting.figures import roc as roc_figures
from stroke_ctp.reporting.figures.flowchart import draw_flowcharts, flow_sentence
from stroke_ctp.reporting.figures.learning_curves import learning_curves
from stroke_ctp.reporting.figures.network import network
from stroke_ctp.reporting.figures.same_patients import same_patients
from stroke_ctp.reporting.figures.stress_curves import stress_picture
from stroke_ctp.reporting.figures.stress_declines import declines_picture
from stroke_ctp.reporting.figures.style import Picture
from stroke_ctp.reporting.page import Section
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.results.patient_evidence import PatientEvidence
from stroke_ctp.reporting.results.study_results import ModelResults, StudyResults
from stroke_ctp.reporting.stress_sentences import stress_paragraph
from stroke_ctp.reporting.study_background import StudyBackground
from stroke_ctp.reporting.summary_sentences import lead, summary, tiles
from stroke_ctp.reporting.tables.calibration import calibration_table, decision_table, reliability_table
from stroke_ctp.reporting.tables.characteristics import characteristics_table
from stroke_ctp.reporting.tables.discrimination import auc_table, comparison_table, detectable_table
from stroke_ctp.reporting.tables.folds import fold_table, member_table
from stroke_ctp.reporting.tables.leakage_audit import audit_table, unchecked_table
from stroke_ctp.reporting.tables.main_results import CAPTION_1, CAPTION_2, table1, table2, wide_table
from stroke_ctp.reporting.tables.operating_points import PREVALENCE, operating_table, threshold_table
from stroke_ctp.reporting.tables.patients import error_table, patient_table, subgroup_table
from stroke_ctp.reporting.tables.provenance import (
    exclusion_table,
    provenance_table,
    runs_table,
    settings_table,
)
from stroke_ctp.reporting.tables.recalibration import coverage_table, recalibration_table
from stroke_ctp.reporting.tables.secondary_methods import (
    permutation_table,
    secondary_auc_table,
    secondary_comparison_table,
)
from stroke_ctp.reporting.tables.seeds import seeds_table
from stroke_ctp.reporting.tables.stress import declines_table, stress_table
from stroke_ctp.reporting.tables.volume_agreement import volume_table
from stroke_ctp.robustness.curves import StressResults
from stroke_ctp.study.audit.findings import Finding
from stroke_ctp.study.training_summary import TrainingSummary

_CHECKLISTS = "The run fills in what it knows, for the author to check; “author” marks what only the author can answer."

_ALL_DEFAULTS = "All settings are the current defaults of `python -m stroke_ctp.train`."


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows."""

    results: StudyResults
    trainings: Sequence[TrainingSummary]
    """Trainings of all models."""
    findings: Sequence[Finding]
    """Outcome of the leakage audit."""
    background: StudyBackground
    subgroup: str | None
    """Column whose groups were asked for."""
    same_patients: Sequence[PatientEvidence] | str = ()
    """Some patients by every method, or why they cannot be shown; none if the study lacks one of the methods."""

    @property
    def models(self) -> Mapping[str, ModelAucs]:
        """AUCs of all models."""
        return {name: model.aucs for name, model in self.results.models.items()}


def sections(content: ReportContent) -> list[Section]:
    """All sections of a study's report: what every reader needs, then the appendix."""
    results = content.results
    main = [
        Section(
            "summary", "Summary", lead=lead(results), tiles=tiles(results), points=summary(results, content.findings)
        ),
        _results(content.models, results.main),
        _discrimination(results, content.models),
        *_same_patients(content.same_patients),
        Section("operating-points", "Operating points", [PREVALENCE], tables=[operating_table(results)]),
        _calibration(results),
    ]
    main += _stress(content.background.stress)
    return [*main, *(replace(section, is_appendix=True) for section in _appendix(content))]


def _appendix(content: ReportContent) -> list[Section]:
    results, background = content.results, content.background
    answers = checklist_answers(results, content.trainings, background)
    return [
        _methods(results, content.models),
        _points(results.main),
        _patients(content),
        _data(content),
        _training(content),
        Section("audit", "Leakage audit", tables=[audit_table(content.findings), unchecked_table(content.findings)]),
        _provenance(content),
        Section("checklists", "Reporting checklists", [_CHECKLISTS], tables=checklist_tables(answers)),
    ]


def _results(models: Mapping[str, ModelAucs], main: ModelResults) -> Section:
    tables = [wide_table("table1", CAPTION_1, table1(models)), wide_table("table2", CAPTION_2, table2(models))]
    figure3 = roc_figures.cross_validation(main.aucs)
    return Section("results", "Comparison with the article", tables=tables, pictures=[figure3] if figure3 else [])


def _discrimination(results: StudyResults, models: Mapping[str, ModelAucs]) -> Section:
    tables = [
        auc_table(results),
        seeds_table(models),
        comparison_table(results.comparisons, results.margin),
        detectable_table(results.comparisons, results.margin),
    ]
    curves, ensemble = roc_figures.models(_displayed(models)), results.main.aucs.external
    pictures = [curves] if curves else []
    if ensemble is not None and results.ensemble_curves is not None:
        pictures.append(roc_figures.external(ensemble, results.ensemble_curves))
    return Section("discrimination", "Discrimination", tables=[table for table in tables if table], pictures=pictures)


def _same_patients(patients: Sequence[PatientEvidence] | str) -> list[Section]:
    if not patients:
        return []
    title = "What each method bases its answer on"
    if isinstance(patients, str):
        return [Section("same-patients", title, [f"Not shown: {patients}."])]
    return [Section("same-patients", title, pictures=[same_patients(patients)])]


def _calibration(results: StudyResults) -> Section:
    main = results.main
    tables = [calibration_table(results), coverage_table(main)]
    pictures = [
        probability_figures.calibration(main.cohorts, results.smooth_calibration),
        probability_figures.decision(main.cohorts),
    ]
    title = "Calibration and net benefit"
    return Section("calibration", title, tables=[table for table in tables if table], pictures=pictures)


def _stress(stress: StressResults | str) -> list[Section]:
    """Stress curves with their meaning, or why there are none; nothing if the models were not tried."""
    if not stress:
        return []
    if isinstance(stress, str):
        return [Section("stress", "Stress curves", [stress])]
    pictures = [picture for picture in (stress_picture(stress), declines_picture(stress)) if picture]
    tables = [table for table in (stress_table(stress), declines_table(stress)) if table]
    return [Section("stress", "Stress curves", [" ".join(stress_paragraph(stress))], tables=tables, pictures=pictures)]


def _methods(results: StudyResults, models: Mapping[str, ModelAucs]) -> Section:
    """Other methods of inference, single folds, and members of the ensemble."""
    tables = [
        secondary_auc_table(results),
        permutation_table(results),
        recalibration_table(results),
        secondary_comparison_table(results.comparisons),
        fold_table(models),
        member_table(models),
    ]
    pictures = [roc_figures.fold_by_fold(_displayed(models))]
    return Section(
        "methods", "Other methods, folds and members", tables=[table for table in tables if table], pictures=pictures
    )


def _points(main: ModelResults) -> Section:
    tables = [threshold_table(main), reliability_table(main), decision_table(main)]
    return Section("points", "Thresholds, and points of the curves", tables=tables)


def _patients(content: ReportContent) -> Section:
    results, tables, pictures, paragraphs = content.results, [], [], []
    youden, endpoint = results.main.youden, results.main.predictions.record.endpoint
    if results.volume_errors is not None:
        tables.append(error_table(results.volume_errors, youden))
        pictures.append(probability_figures.against_volume(youden, endpoint.threshold))
    else:
        paragraphs.append(
            "Errors are not compared with core volume: it is not the endpoint, or not known for all patients."
        )
    if results.volume_agreement:
        tables.append(volume_table(results.volume_agreement))
    if results.subgroups is not None:
        tables.append(subgroup_table(results.subgroups))
    elif content.subgroup:
        reason = content.background.evidence.training.unknown
        paragraphs.append(f"Subgroups of {content.subgroup} are not shown: {reason}.")
    return Section("patients", "Patients", paragraphs, tables=[*tables, patient_table(youden)], pictures=pictures)


def _data(content: ReportContent) -> Section:
    evidence, endpoint = content.background.evidence, content.results.main.predictions.record.endpoint
    cohorts = {"Training cohort": evidence.training, "External test cohort": evidence.external}
    known = {name: cohort.counts for name, cohort in cohorts.items() if not cohort.unknown}
    paragraphs = [f"{name}: not shown, {cohort.unknown}." for name, cohort in cohorts.items() if cohort.unknown]
    pictures = []
    if known:
        caption = " ".join(flow_sentence(name, counts) for name, counts in known.items())
        pictures.append(Picture("figure1", "Figure 1. Inclusion of patients", caption, draw_flowcharts(known)))
    made = (characteristics_table(cohorts, endpoint), exclusion_table(evidence))
    tables = [table for table in made if table]
    return Section("data", "Data flow and exclusions", paragraphs, tables=tables, pictures=pictures)


def _training(content: ReportContent) -> Section:
    architecture = content.background.architecture
    pictures = [network(architecture)] if architecture else []
    curves = [learning_curves([run for run in content.trainings if run.model == name]) for name in content.models]
    return Section("training", "Network and training", pictures=[*pictures, *(c for c in curves if c)])


def _provenance(content: ReportContent) -> Section:
    background, runs = content.background, content.trainings
    settings = settings_table(background)
    tables = [provenance_table(content.results.main.predictions, runs), runs_table(runs)]
    return Section(
        "provenance",
        "Configuration and provenance",
        [] if settings else [_ALL_DEFAULTS],
        tables=[settings, *tables] if settings else tables,
    )


def _displayed(models: Mapping[str, ModelAucs]) -> dict[str, ModelAucs]:
    """Models by the names that readers know."""
    return {display_name(name): model for name, model in models.items()}
