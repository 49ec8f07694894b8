"""What a report shows of a study beyond its predictions: cohorts, configuration, network; as far as it is known."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from stroke_ctp.cohort.store import SERIES_SHAPE, Cohort
from stroke_ctp.common.files import file_digest, read_json
from stroke_ctp.common.types import LEVELS
from stroke_ctp.config.command_line import CONF
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.network import KERNEL_SIZES, TemporalNetwork
from stroke_ctp.reporting.figures.network import Architecture
from stroke_ctp.study.audit_evidence import AuditEvidence, CohortFacts
from stroke_ctp.study.fitted_statistics import feature_statistics
from stroke_ctp.study.tables import study_settings


@dataclass(frozen=True)
class StudyBackground:
    """What is known about a study beyond its predictions and runs."""

    evidence: AuditEvidence = field(default_factory=AuditEvidence)
    """Cohorts, and the patients that features were standardized on."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that all runs of the study share, by dotted keys; empty if they were not recorded."""
    differences: Sequence[tuple[str, Any, Any]] | None = None
    """Settings that differ from the default: key, default, value; None if the settings were not recorded."""
    architecture: Architecture | None = None
    """None if no network was trained."""


def background_of(study: Path) -> StudyBackground:
    """Gather what is known about the study in a folder `outputs/NAME`."""
    settings = settings_of(study)
    training = _cohort(study, "*/fold-*")
    evidence = AuditEvidence(training, _cohort(study, "*/ensemble"), feature_statistics(study, training))
    return StudyBackground(
        evidence,
        settings,
        differences=_differences(settings) if settings else None,
        architecture=_architecture(study),
    )


def settings_of(study: Path) -> dict[str, Any]:
    """Settings that all runs of a study share, by dotted keys; empty if they were not recorded."""
    path = study / "settings.json"
    return _flat(read_json(path)) if path.exists() else {}


def _cohort(study: Path, runs: str) -> CohortFacts:
    """The cohort that runs used, in the folder that they recorded."""
    scored = [path for path in sorted(study.glob(runs)) if (path / "metrics.json").exists()]
    if not scored:
        return CohortFacts("no such cohort was scored")
    records = [read_json(path / "run.json") for path in scored if (path / "run.json").exists()]
    recorded = [record["cohort"] for record in records if "cohort" in record]
    if recorded:
        folder = (study / recorded[0]).resolve()
    else:
        configs = [path / ".hydra" / "config.yaml" for path in scored if (path / ".hydra" / "config.yaml").exists()]
        if not configs:
            return CohortFacts("its folder was not recorded when it was scored")
        folder = Path(str(OmegaConf.select(OmegaConf.load(configs[0]), "cohort")))
    if not (folder / "cohort.csv").exists():
        return CohortFacts(f"its folder {folder.name} was moved or removed")
    cohort = Cohort(folder)
    if cohort.hash != read_json(scored[0] / "metrics.json").get("cohort", {}).get("hash"):
        return CohortFacts(f"its folder {folder.name} now holds another cohort")
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
    """Settings of a study that differ from the current default."""
    GlobalHydra.instance().clear()  # of the report's own composition
    with initialize_config_dir(str(CONF), version_base="1.3"):
        default = compose("train", ["cohort=-", "fold=0"])
    usual = _flat(study_settings(default, ""))
    keys = [key for key in {**usual, **ours} if key != "cohort" and usual.get(key) != ours.get(key)]
    return [(key, usual.get(key, "–"), ours.get(key, "–")) for key in keys]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _architecture(study: Path) -> Architecture | None:
    """Architecture of the full network, or of the first that was trained; None if no network was trained."""
    configs = sorted(study.glob("*/fold-*/.hydra/config.yaml"), key=lambda path: path.parts[-4] != "full")
    if not configs:
        return None
    config = OmegaConf.to_container(OmegaConf.load(configs[0]), resolve=True)
    assert isinstance(config, dict)
    given = {key: value for key, value in config["network"].items() if key != "_target_"}
    bound = inspect.signature(TemporalNetwork).bind(**given)
    bound.apply_defaults()
    parameters = TemporalNetwork(**given).parameters()
    return Architecture(
        levels=tuple(level.replace("_", " ") for level in LEVELS),
        frames=SERIES_SHAPE[1],
        side=SERIES_SHAPE[2],
        features=N_FEATURES,
        kernels={pathway: KERNEL_SIZES[pathway] for pathway in bound.arguments["pathways"]},
        filters=bound.arguments["filters"],
        hidden=bound.arguments["hidden"],
        trainable=sum(parameter.numel() for parameter in parameters),
        trained_blocks=config["encoder"]["trainable_blocks"],
    )
