"""Tables of provenance: exclusions, configuration, and the training of every fold."""

from collections.abc import Sequence

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.study_background import StudyBackground
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.resampling import SEED
from stroke_ctp.study.audit.evidence import AuditEvidence
from stroke_ctp.study.predictions import ModelPredictions
from stroke_ctp.study.training_summary import TrainingSummary

_EXCLUSIONS_CAPTION = "Patients of the manifests that preprocessing excluded, and why."
_SETTINGS_CAPTION = "Settings of this study that differ from the current defaults of `python -m stroke_ctp.train`."
_RUNS_CAPTION = """All trainings: epochs, the epoch whose weights are used (counted from 0), duration in seconds,
device, and revision of the software ("+": with uncommitted changes)."""
_PROVENANCE_CAPTION = "What identifies data, software and random numbers."

_NO_CHECKOUT = "installed package"
"""Revision of runs outside a checkout."""


def exclusion_table(evidence: AuditEvidence) -> Table | None:
    """Excluded patients of the cohorts that are known; None if there are none."""
    cohorts = {"Training cohort": evidence.training, "External test cohort": evidence.external}
    rows: list[Row] = [
        {"Cohort": name, "Patient": str(patient), "Stage": str(stage), "Reason": str(reason)}
        for name, cohort in cohorts.items()
        if len(cohort.excluded)
        for patient, stage, reason in cohort.excluded[["patient", "stage", "reason"]].itertuples(index=False)
    ]
    return Table("exclusions", "Excluded patients", _EXCLUSIONS_CAPTION, rows) if rows else None


def settings_table(background: StudyBackground) -> Table | None:
    """Settings that differ from the default; None if there are none."""
    if not background.differences:
        return None
    rows = [{"Setting": key, "Default": str(usual), "Here": str(ours)} for key, usual, ours in background.differences]
    title = "Configuration that differs from the default"
    return Table("settings", title, _SETTINGS_CAPTION, rows, about_patients=False)


def runs_table(runs: Sequence[TrainingSummary]) -> Table:
    """All trainings of all models."""
    return Table("runs", "Trainings", _RUNS_CAPTION, [_run_row(run) for run in runs], about_patients=False)


def provenance_table(main: ModelPredictions, runs: Sequence[TrainingSummary]) -> Table:
    """Cohorts, weights, seeds, software."""
    rows = [{"What": what, "Value": value} for what, value in provenance(main, runs).items()]
    return Table("provenance", "Provenance", _PROVENANCE_CAPTION, rows, about_patients=False)


def provenance(main: ModelPredictions, runs: Sequence[TrainingSummary]) -> dict[str, str]:
    """Rows of the table of provenance: values by what they identify."""
    minutes = sum(run.provenance.seconds for run in runs) / 60
    return {
        "Training cohort": f"{main.record.cohort.patients} patients, SHA-256 {main.record.cohort.hash}",
        "External cohort": _external_cohort(main),
        "Encoder weights": _weights(main),
        "Seed of training": ", ".join(map(str, main.seeds)),
        "Seed of resampling": str(SEED),
        "Software": software(runs),
        "Revision": revisions(runs),
        "Device": _all_values([run.provenance.device for run in runs]),
        "Duration of training": f"{minutes:.1f} min in all for {len(runs)} trainings",
    }


def _weights(main: ModelPredictions) -> str:
    encoder, weights = main.record.encoder, main.record.fitted.get("weights")
    if encoder is None:
        return f"{main.name}, SHA-256 {weights}" if weights else "none"
    return f"{encoder.weights}, SHA-256 {encoder.sha256}"


def software(runs: Sequence[TrainingSummary]) -> str:
    """Versions of Python and libraries that the models were trained with."""
    versions = [run.provenance.versions for run in runs]
    return _all_values([", ".join(f"{name} {number}" for name, number in each.items()) for each in versions])


def revisions(runs: Sequence[TrainingSummary]) -> str:
    """Revision of this package that the models were trained with."""
    return _all_values([run.provenance.revision or _NO_CHECKOUT for run in runs])


def _run_row(run: TrainingSummary) -> Row:
    return {
        "Model": display_name(run.model),
        "Seed": run.seed,
        "Fold": run.fold,
        "Epochs": "–" if run.epochs is None else run.epochs,
        "Epoch taken": "–" if run.best_epoch is None else run.best_epoch,
        "Seconds": round(run.provenance.seconds),
        "Device": run.provenance.device,
        "Revision": run.provenance.revision or _NO_CHECKOUT,
    }


def _external_cohort(main: ModelPredictions) -> str:
    if main.ensemble_record is None:
        return "not run"
    cohort = main.ensemble_record.cohort
    return f"{cohort.patients} patients, SHA-256 {cohort.hash}"


def _all_values(texts: Sequence[str]) -> str:
    """The value that all runs have, or all values with the number of runs that have each."""
    counts = {text: texts.count(text) for text in dict.fromkeys(texts)}
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{text} ({n} of {len(texts)} runs)" for text, n in counts.items())
