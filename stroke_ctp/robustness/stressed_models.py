"""Which models of a study are tried, and all that their answers depend on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.origin import TRUE_INFARCT
from stroke_ctp.model.registry import WHOLE_SCAN, refuse_whole_scan
from stroke_ctp.robustness.scoring import Tried
from stroke_ctp.study.predictor import members_key
from stroke_ctp.study.recorded_cohort import predictor_with_range
from stroke_ctp.study.run_folder import RunFolder, RunRecord
from stroke_ctp.study.study_folder import StudyFolder


@dataclass(frozen=True)
class StressedModels:
    """Models of one study."""

    study: StudyFolder
    models: Mapping[str, Tried]
    rules: Rules
    """Of the training cohort."""
    endpoint: Endpoint
    truth: str
    """Which of `stress_patient.TRUTHS` the study's label is."""
    share_large: float
    """Of large cores among the training patients."""
    notes: tuple[str, ...]
    """What the user must know about the range of the training patients."""

    @classmethod
    def of(cls, study: StudyFolder, names: Sequence[str]) -> "StressedModels":
        """Models by their names; all that need no whole scan without a name.

        Raises:
            UserError: The study is incomplete, a model cannot be tried, or the endpoint is no core volume.
        """
        runs = _runs(study, names)
        first, models, notes = next(iter(runs.values())), dict[str, Tried](), list[str]()
        for model, own in runs.items():
            predictor, note = predictor_with_range(study, model, "cohort")
            key = members_key([run.record() for run in own])
            models[model] = Tried(key, predictor.key, predictor.typical)
            notes.append(note)
        record, share = first[0].record(), _share_large(first)
        found = tuple(dict.fromkeys(note for note in notes if note))
        return cls(study, models, record.cohort.rules, record.endpoint, _truth(record), share, found)


def _runs(study: StudyFolder, models: Sequence[str]) -> dict[str, list[RunFolder]]:
    """Complete runs of the models."""
    known = study.models()
    if not known:
        raise UserError(f"nothing was trained in {study.path}; run `{study.train_command} fold=0..9`")
    refuse_whole_scan("models", models)
    chosen = models or [model for model in known if model not in WHOLE_SCAN]
    runs = {model: list(study.complete_runs(model).values()) for model in chosen}
    if not runs:
        raise UserError(
            f"{study.path} has only models of whole scans; train one more: `{study.train_command} fold=0..9`"
        )
    column = next(iter(runs.values()))[0].record().endpoint.column
    if column != "core_ml":
        raise UserError(
            f"the endpoint of {study.name} must be core_ml to be simulated, got {column}; choose another study"
        )
    return runs


def _truth(record: RunRecord) -> str:
    """Which of the known volumes the study's label is."""
    return "infarct" if all(label.startswith(TRUE_INFARCT) for label in record.cohort.labels) else "core"


def _share_large(runs: Iterable[RunFolder]) -> float:
    """Share of large cores among the training patients, each of whom one fold has tested."""
    tables = [run.predictions() for run in runs]
    return float(np.concatenate([table.loc[table["split"] == "test", "label"] for table in tables]).mean())
