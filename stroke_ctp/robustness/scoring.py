"""Scores of one simulated patient along one axis, by every model of a study."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from stroke_ctp import __version__
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.new_patients import NewPatients
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.files import digest
from stroke_ctp.robustness.axes import REFERENCE, Axis, Condition
from stroke_ctp.robustness.stress_folder import StressFolder
from stroke_ctp.robustness.stress_patient import StressPatient
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.study_folder import StudyFolder

GOOD = "reference"
"""Name of the records of good scans, which all axes share."""


@dataclass(frozen=True)
class Task:
    """A patient along an axis; the good scan without one."""

    number: int
    axis: Axis | None

    @property
    def name(self) -> str:
        """Of its records."""
        return self.axis.name if self.axis else GOOD

    @property
    def conditions(self) -> dict[str, Condition]:
        """Scans by their level, without the good one of an axis."""
        if self.axis is None:
            return {GOOD: REFERENCE}
        return {repr(level): self.axis.condition(level) for level in self.axis.levels if level != self.axis.reference}


@dataclass(frozen=True)
class StressTest:
    """The models of a study that are tried, and on whom."""

    outputs: Path
    study: str
    models: Mapping[str, str]
    """Digest of each model's members."""
    rules: Rules
    """Of the training cohort; short scans are padded."""
    seed: int

    def finished(self, task: Task) -> dict[str, Any] | None:
        """The record of a task that an earlier command has done."""
        return self._folder.records(task.name).read(task.number, self._key(task), dict[str, Any])

    def __call__(self, task: Task) -> None:
        """Scan a patient, score the scans and keep the scores."""
        patient = StressPatient.draw(self.seed, task.number)
        with threadpool_limits(1):  # scores do not depend on the number of processes
            scores = self._scores(patient, task.conditions)
            record = {"scores": scores} | ({"truths": patient.truths()} if task.axis is None else {})
        self._folder.records(task.name).write(task.number, self._key(task), record)

    @property
    def _folder(self) -> StressFolder:
        return StressFolder(StudyFolder(self.outputs, self.study))

    def _key(self, task: Task) -> str:
        return digest(
            {
                "version": __version__,
                "seed": self.seed,
                "models": dict(self.models),
                "rules": vars(self.rules),
                "levels": list(task.conditions),
            }
        )

    def _scores(self, patient: StressPatient, conditions: Mapping[str, Condition]) -> dict[str, Any]:
        """By level and model: probability, and whether it was measured; or why there is no series."""
        series: dict[str, Float[np.ndarray, "level time height width"]] = {}
        found: dict[str, Any] = {}
        for level, condition in conditions.items():
            try:
                series[level] = patient.series(condition, self.rules)
            except Excluded as finding:
                found[level] = {"reason": finding.reason}
        found |= {level: {} for level in series}
        for model in self.models if series else ():
            scores = _predictor(self.outputs, self.study, model).score(NewPatients.of(*series.values()))
            for level, probability, measured in zip(
                series, scores.probability.mean(axis=0).tolist(), scores.measured.tolist(), strict=True
            ):
                found[level][model] = [round(probability, 6), measured]
        return found


@cache
def _predictor(outputs: Path, study: str, model: str) -> Predictor:
    """A model, loaded once per process."""
    return Predictor.load(StudyFolder(outputs, study), model)


def padded(rules: Rules) -> Rules:
    """Rules by which short scans are padded instead of excluded: models are tried, not the rules."""
    return replace(rules, levels="manifest", short_scan="pad")
