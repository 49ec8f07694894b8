"""Tables of provenance: exclusions, configuration, and the training of every fold."""

from collections.abc import Sequence

from stroke_ctp.reporting.study_background import StudyBackground
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.resampling import SEED
from stroke_ctp.study.audit_evidence import AuditEvidence
from stroke_ctp.study.model_names import model_name
from stroke_ctp.study.predictions import Ablation
from stroke_ctp.study.runs import Run

_EXCLUSIONS_CAPTION = "Patients of the manifests that preprocessing excluded, and why."
_SETTINGS_CAPTION = "Settings of this study that differ from the current defaults of `python -m stroke_ctp.train`."
_RUNS_CAPTION = """All trainings: epochs, the epoch whose weights are used (counted from 0), duration in seconds,
device, and revision of the software ("+": with uncommitted changes)."""
_PROVENANCE_CAPTION = "What identifies data, software and random numbers."

UNRECORDED = "not recorded"


def exclusion_table(evidence: AuditEvidence) -> Table | None:
    """Excluded patients of the cohorts that are known; None if there are none."""
    cohorts = {"Training cohort": evidence.training, "External test cohort": evidence.external}
    rows: list[Row] = [
        {"Cohort": name, "Patient": str(patient), "Stage": str(stage), "Reason": str(reason)}
        for name, facts in cohorts.items()
        if len(facts.excluded)
        for patient, stage, reason in facts.excluded[["patient", "stage", "reason"]].itertuples(index=False)
    ]
    return Table("exclusions", "Excluded patients", _EXCLUSIONS_CAPTION, rows) if rows else None


def settings_table(background: StudyBackground) -> Table | None:
    """Settings that differ from the default; None if there are none, or they were not recorded."""
    if not background.differences:
        return None
    rows = [{"Setting": key, "Default": str(usual), "Here": str(ours)} for key, usual, ours in background.differences]
    return Table("settings", "Configuration that differs from the default", _SETTINGS_CAPTION, rows)


def settings_sentence(background: StudyBackground) -> str:
    """The sentence in place of the table of settings; empty if there is a table."""
    if background.differences is None:
        return "The study's settings were not recorded."
    return "" if background.differences else "All settings are the current defaults of `python -m stroke_ctp.train`."


def runs_table(runs: Sequence[Run]) -> Table:
    """All trainings of all models."""
    return Table("runs", "Trainings", _RUNS_CAPTION, [_run_row(run) for run in runs])


def provenance_table(main: Ablation, runs: Sequence[Run], background: StudyBackground) -> Table:
    """Cohorts, weights, seeds, software."""
    rows = [{"What": what, "Value": value} for what, value in provenance(main, runs, background).items()]
    return Table("provenance", "Provenance", _PROVENANCE_CAPTION, rows)


def provenance(main: Ablation, runs: Sequence[Run], background: StudyBackground) -> dict[str, str]:
    """Rows of the table of provenance: values by what they identify."""
    weights, sha = main.encoder
    return {
        "Training cohort": f"{len(set(main.folds['patient']))} patients, SHA-256 {main.settings['cohort']['hash']}",
        "External cohort": _external_cohort(main),
        "Encoder weights": f"{weights}, SHA-256 {sha}" if weights else "none",
        "Seed of training": str(background.settings.get("seed", UNRECORDED)),
        "Seed of resampling": str(SEED),
        "Software": software(runs),
        "Revision": revisions(runs),
        "Device": _all_values([run.record.get("device") for run in runs]),
        "Duration of training": _duration(runs),
    }


def software(runs: Sequence[Run]) -> str:
    """Versions of Python and libraries that the models were trained with."""
    versions = [run.record.get("versions", {}) for run in runs]
    return _all_values([", ".join(f"{name} {number}" for name, number in each.items()) or None for each in versions])


def revisions(runs: Sequence[Run]) -> str:
    """Revision of this package that the models were trained with."""
    return _all_values([run.record.get("revision") for run in runs])


def _run_row(run: Run) -> Row:
    return {
        "Model": model_name(run.ablation),
        "Fold": run.fold,
        "Epochs": "–" if run.epochs is None else run.epochs,
        "Epoch taken": "–" if run.best_epoch is None else run.best_epoch,
        "Seconds": round(run.record["seconds"]) if "seconds" in run.record else UNRECORDED,
        "Device": run.record.get("device", UNRECORDED),
        "Revision": run.record.get("revision") or UNRECORDED,
    }


def _external_cohort(main: Ablation) -> str:
    if main.ensemble is None:
        return "not run"
    return f"{len(main.ensemble)} patients, SHA-256 {main.external_hash or UNRECORDED}"


def _duration(runs: Sequence[Run]) -> str:
    known = [float(run.record["seconds"]) for run in runs if "seconds" in run.record]
    if not known:
        return UNRECORDED
    minutes = f"{sum(known) / 60:.1f} min in all for {len(known)} trainings"
    return minutes if len(known) == len(runs) else f"{minutes}; {len(runs) - len(known)} without a record"


def _all_values(values: Sequence[object]) -> str:
    """The value that all runs have, or all values with the number of runs that have each."""
    texts = [UNRECORDED if value is None else str(value) for value in values]
    counts = {text: texts.count(text) for text in dict.fromkeys(texts)}
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{text} ({n} of {len(texts)} runs)" for text, n in counts.items())
