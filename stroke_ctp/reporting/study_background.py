"""What a report shows of a study beyond its predictions: cohorts, configuration, network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stroke_ctp.common.geometry import LEVELS, SERIES_SHAPE
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.registry import display_name
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.reporting.figures.network import Architecture
from stroke_ctp.robustness.curves import StressResults, read_results
from stroke_ctp.robustness.stress_folder import WAY_OUT, StressFolder
from stroke_ctp.study.audit.evidence import AuditEvidence, gather_evidence
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.predictor import members_key
from stroke_ctp.study.study_folder import StudyFolder


@dataclass(frozen=True)
class StudyBackground:
    """What is known about a study beyond its predictions and runs."""

    evidence: AuditEvidence = field(default_factory=AuditEvidence)
    """Cohorts, and the patients that features were standardized on."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that all runs of the study share, by dotted keys."""
    differences: Sequence[tuple[str, Any, Any]] = ()
    """Settings that differ from the default: key, default, value."""
    architecture: Architecture | None = None
    """None if no network was trained."""
    stress: StressResults | str = ""
    """Stress curves, or why they are not shown; empty if the models were not tried."""


def background_of(folder: StudyFolder, study: Study) -> StudyBackground:
    """Gather what is known about a study."""
    settings = shared_settings(folder)
    return StudyBackground(
        gather_evidence(folder, study), settings, _differences(settings), _architecture(study), _stress(folder, study)
    )


def _stress(folder: StudyFolder, study: Study) -> StressResults | str:
    """Stress curves of the present models, or why they are not shown."""
    there = StressFolder(folder)
    if not there.is_complete:
        return ""
    found = read_results(there)
    for name, key in found.record.models.items():
        model = study.models.get(name)
        if model is None or model.missing or members_key([run.record() for run in model.runs.values()]) != key:
            return f"Stress curves are not shown: {display_name(name)} was trained again since; {WAY_OUT}."
    return found


def shared_settings(folder: StudyFolder) -> dict[str, Any]:
    """Settings that all runs of a study share, by dotted keys."""
    return _flat(folder.settings())


def _differences(ours: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Settings of a study that differ from the current default."""
    usual = _flat(TrainSettings(fold=0).shared(""))
    keys = [key for key in {**usual, **ours} if key != "cohort" and usual.get(key) != ours.get(key)]
    return [(key, usual.get(key, "–"), ours.get(key, "–")) for key in keys]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _architecture(study: Study) -> Architecture | None:
    """Architecture of the first network of the study; None if no network was trained."""
    networks = [model for model in study.models.values() if model.record.encoder is not None]
    if not networks:
        return None
    from stroke_ctp.model.temporal_network import KERNEL_SIZES, TemporalNetwork  # loads PyTorch

    settings = next(iter(networks[0].runs.values())).settings()
    network, pathways = settings.network, settings.ablation.pathways
    return Architecture(
        levels=tuple(level.replace("_", " ") for level in LEVELS),
        frames=SERIES_SHAPE[1],
        side=SERIES_SHAPE[2],
        features=N_FEATURES,
        kernels={pathway: KERNEL_SIZES[pathway] for pathway in pathways},
        filters=network.filters,
        hidden=network.hidden,
        trainable=sum(parameter.numel() for parameter in TemporalNetwork(network, pathways).parameters()),
        trained_blocks=settings.encoder.trainable_blocks,
    )
