"""What a report tells of a study beyond its predictions, gathered from where it was left."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.cohort.store import Cohort, CohortFolder
from stroke_ctp.common.files import file_digest, read_json
from stroke_ctp.common.geometry import LEVELS, SERIES_SHAPE
from stroke_ctp.config.command_line import CONF
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.temporal_network import KERNEL_SIZES, TemporalNetwork
from stroke_ctp.reporting.background import Background, CohortFacts
from stroke_ctp.reporting.figures.network import Architecture
from stroke_ctp.study.fitted_statistics import feature_statistics
from stroke_ctp.study.tables import study_settings


def background_of(study: Path, config: DictConfig) -> Background:
    """All that can be found; `config` is the report's."""
    settings = settings_of(study)
    training = _cohort(study, "*/fold-*")
    return Background(
        training=training,
        statistics=feature_statistics(study, training),
        external=_cohort(study, "*/ensemble"),
        differences=_differences(settings) if settings else None,
        settings=settings,
        architecture=_architecture(study),
        sensitivity=config.sensitivity,
        subgroup=config.subgroup,
        partial=config.partial,
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
    if recorded:
        folder = (study / recorded[0]).resolve()
    else:
        configs = [path / ".hydra" / "config.yaml" for path in scored if (path / ".hydra" / "config.yaml").exists()]
        if not configs:
            return CohortFacts("where it lies was not recorded when it was scored")
        folder = Path(str(OmegaConf.select(OmegaConf.load(configs[0]), "cohort")))
    if not CohortFolder(folder).table.exists():
        return CohortFacts(f"its folder {folder.name} is no longer where it was")
    cohort = Cohort(folder)
    if cohort.hash != read_json(scored[0] / "metrics.json").get("cohort", {}).get("hash"):
        return CohortFacts(f"its folder {folder.name} holds another cohort now")
    return _facts(cohort)


def _facts(cohort: Cohort) -> CohortFacts:
    lost = [path.name for path in cohort.series_files.values() if not path.exists()]
    if lost:
        return CohortFacts(f"its series {lost[0]} is missing")
    return CohortFacts(
        unknown="",
        counts=cohort.description["counts"],
        patients=cohort.table,
        excluded=cohort.excluded,
        series={patient: file_digest(path) for patient, path in cohort.series_files.items()},
    )


def _differences(ours: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Settings of a study that are not the present default."""
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
    """Of the full network, or else of the first that was trained; None where only indices were scored."""
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
