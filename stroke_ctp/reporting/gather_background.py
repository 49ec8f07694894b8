"""What a report tells of a study beyond its predictions, gathered from where it was left."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stroke_ctp.cohort.store import SERIES_SHAPE, Cohort
from stroke_ctp.common.files import file_digest, read_json
from stroke_ctp.common.types import LEVELS
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.network import KERNEL_SIZES, TemporalNetwork
from stroke_ctp.model.settings import SETTINGS, TrainSettings, read_settings
from stroke_ctp.reporting.background import Background, CohortFacts
from stroke_ctp.reporting.figures.network import Architecture
from stroke_ctp.study.fitted_statistics import feature_statistics
from stroke_ctp.study.tables import study_settings


def background_of(study: Path, sensitivity: float, subgroup: str | None = None, partial: bool = False) -> Background:
    """All that can be found.

    Args:
        study: Its folder, `OUTPUTS/NAME`.
        sensitivity: Of the second operating point.
        subgroup: Column of the manifest whose groups are compared.
        partial: Whether folds may be missing.
    """
    settings = settings_of(study)
    training = _cohort(study, "*/fold-*")
    return Background(
        training=training,
        statistics=feature_statistics(study, training),
        external=_cohort(study, "*/ensemble"),
        differences=_differences(settings) if settings else None,
        settings=settings,
        architecture=_architecture(study),
        sensitivity=sensitivity,
        subgroup=subgroup,
        partial=partial,
    )


def settings_of(study: Path) -> dict[str, Any]:
    """What all runs of a study share, keys dotted; empty if that was not recorded."""
    path = study / "settings.json"
    return _flat(read_json(path)) if path.exists() else {}


def _cohort(study: Path, runs: str) -> CohortFacts:
    """The cohort that runs were made of, from where they say it lay."""
    scored = [path for path in sorted(study.glob(runs)) if (path / "metrics.json").exists()]
    if not scored:
        return CohortFacts("no such cohort was scored")
    records = [read_json(path / "run.json") for path in scored if (path / "run.json").exists()]
    recorded = [record["cohort"] for record in records if "cohort" in record]
    if not recorded:
        return CohortFacts("where it lies was not recorded when it was scored")
    folder = (study / recorded[0]).resolve()
    if not (folder / "cohort.csv").exists():
        return CohortFacts(f"its folder {folder.name} is no longer where it was")
    cohort = Cohort(folder)
    if cohort.hash != read_json(scored[0] / "metrics.json").get("cohort", {}).get("hash"):
        return CohortFacts(f"its folder {folder.name} holds another cohort now")
    return _facts(cohort)


def _facts(cohort: Cohort) -> CohortFacts:
    excluded = cohort.folder / "excluded.csv"
    files = zip(cohort.patients, cohort.table["series"], strict=True)
    series = {patient: cohort.folder / "series" / name for patient, name in files}
    lost = [path.name for path in series.values() if not path.exists()]
    if lost:
        return CohortFacts(f"its series {lost[0]} is missing")
    return CohortFacts(
        unknown="",
        counts=read_json(cohort.folder / "cohort.json").get("counts", {}),
        patients=cohort.table,
        excluded=pd.read_csv(excluded, dtype=str, keep_default_na=False) if excluded.exists() else pd.DataFrame(),
        series={patient: file_digest(path) for patient, path in series.items()},
    )


def _differences(ours: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Settings of a study that are not the present default."""
    usual = _flat(study_settings(TrainSettings(fold=0), ""))
    keys = [key for key in {**usual, **ours} if key != "cohort" and usual.get(key) != ours.get(key)]
    return [(key, usual.get(key, "–"), ours.get(key, "–")) for key in keys]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _architecture(study: Path) -> Architecture | None:
    """Of the full network, or else of the first that was trained; None where only indices were scored."""
    runs = [path.parent for path in study.glob(f"*/fold-*/{SETTINGS}")]
    if not runs:
        return None
    settings = read_settings(min(runs, key=lambda run: (run.parent.name != "full", run)))
    network = settings.network
    return Architecture(
        levels=tuple(level.replace("_", " ") for level in LEVELS),
        frames=SERIES_SHAPE[1],
        side=SERIES_SHAPE[2],
        features=N_FEATURES,
        kernels={pathway: KERNEL_SIZES[pathway] for pathway in network.pathways},
        filters=network.filters,
        hidden=network.hidden,
        trainable=sum(parameter.numel() for parameter in TemporalNetwork(network).parameters()),
        trained_blocks=settings.encoder.trainable_blocks,
    )
