"""Where the numbers come from: exclusions, configuration, and the circumstances of every training."""

from collections.abc import Sequence
from pathlib import Path

from stroke_ctp.common.files import read_json
from stroke_ctp.reporting.article import model_name
from stroke_ctp.reporting.background import Background
from stroke_ctp.reporting.tables import Row, Table
from stroke_ctp.statistics.resampling import SEED
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.runs import Run, read_runs

_EXCLUSIONS_CAPTION = "Patients of the manifests that preprocessing left out, and why."
_SETTINGS_CAPTION = "Settings of this study that are not the present default of `python -m stroke_ctp.train`."
_RUNS_CAPTION = """Every training: epochs, the epoch whose weights were taken (from 0), seconds on the clock, device,
and revision of the software ("+": changed since)."""
_ORIGIN_CAPTION = "What identifies data, software and chance."

UNRECORDED = "not recorded"


def exclusion_table(background: Background) -> Table | None:
    """Excluded patients of the cohorts that are known."""
    cohorts = {"Training cohort": background.training, "External test cohort": background.external}
    rows: list[Row] = [
        {"Cohort": name, "Patient": str(patient), "Stage": str(stage), "Reason": str(reason)}
        for name, facts in cohorts.items()
        if len(facts.excluded)
        for patient, stage, reason in facts.excluded[["patient", "stage", "reason"]].itertuples(index=False)
    ]
    return Table("exclusions", "Excluded patients", _EXCLUSIONS_CAPTION, rows) if rows else None


def settings_table(background: Background) -> Table | None:
    """Settings that differ from the default."""
    if not background.differences:
        return None
    rows = [{"Setting": key, "Default": str(usual), "Here": str(ours)} for key, usual, ours in background.differences]
    return Table("settings", "Configuration that differs from the default", _SETTINGS_CAPTION, rows)


def settings_sentence(background: Background) -> str:
    """What there is to say where there is no such table."""
    if background.differences is None:
        return "The study's settings were not recorded."
    return "" if background.differences else "All settings are the present defaults of `python -m stroke_ctp.train`."


def runs_table(study: Study, folder: Path) -> Table:
    """Every training of every model."""
    rows: list[Row] = [_run_row(run) for name in study.ablations for run in read_runs(folder, name)]
    return Table("runs", "Trainings", _RUNS_CAPTION, rows)


def origin_table(study: Study, folder: Path, background: Background) -> Table:
    """Cohorts, weights, seeds, software."""
    rows = [{"What": what, "Value": value} for what, value in origins(study, folder, background).items()]
    return Table("provenance", "Provenance", _ORIGIN_CAPTION, rows)


def origins(study: Study, folder: Path, background: Background) -> dict[str, str]:
    """What the table holds."""
    main = study.main
    runs = [run for name in study.ablations for run in read_runs(folder, name)]
    weights, sha = main.encoder
    return {
        "Training cohort": f"{len(set(main.folds['patient']))} patients, SHA-256 {main.settings['cohort']['hash']}",
        "External cohort": _external(study, folder),
        "Encoder weights": f"{weights}, SHA-256 {sha}" if weights else "none",
        "Seed of training": str(background.settings.get("seed", UNRECORDED)),
        "Seed of resampling": str(SEED),
        "Software": _versions(runs),
        "Revision": _one_or_more([run.record.get("revision") for run in runs]),
        "Device": _one_or_more([run.record.get("device") for run in runs]),
        "Duration of training": _duration(runs),
    }


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


def _external(study: Study, folder: Path) -> str:
    ensemble = study.main.ensemble
    if ensemble is None:
        return "not run"
    cohort = read_json(folder / study.main.name / "ensemble" / "metrics.json").get("cohort", {})
    return f"{len(ensemble)} patients, SHA-256 {cohort.get('hash', UNRECORDED)}"


def _versions(runs: Sequence[Run]) -> str:
    versions = [run.record.get("versions", {}) for run in runs]
    return _one_or_more([", ".join(f"{name} {number}" for name, number in each.items()) or None for each in versions])


def _duration(runs: Sequence[Run]) -> str:
    known = [float(run.record["seconds"]) for run in runs if "seconds" in run.record]
    if not known:
        return UNRECORDED
    minutes = f"{sum(known) / 60:.1f} min in all for {len(known)} trainings"
    return minutes if len(known) == len(runs) else f"{minutes}; {len(runs) - len(known)} without a record"


def _one_or_more(values: Sequence[object]) -> str:
    """The value that all runs have, or each with the number of runs that have it."""
    texts = [UNRECORDED if value is None else str(value) for value in values]
    counts = {text: texts.count(text) for text in dict.fromkeys(texts)}
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{text} ({n} of {len(texts)} runs)" for text, n in counts.items())
