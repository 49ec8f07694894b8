"""Scores of one simulated patient along one axis, by every model of a study."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic.dataclasses import dataclass as schema
from threadpoolctl import threadpool_limits

from stroke_ctp import __version__
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.files import digest
from stroke_ctp.common.schemas import STRICT, plain
from stroke_ctp.robustness.axes import REFERENCE, Axis, Condition
from stroke_ctp.robustness.stress_folder import StressFolder
from stroke_ctp.robustness.stress_patient import StressPatient
from stroke_ctp.study.answers import NOT_MEASURED, answer
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.study_folder import StudyFolder
from stroke_ctp.study.typical_patients import TypicalPatients

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


@schema(frozen=True, config=STRICT)
class ModelScore:
    """What a model says of one scan."""

    probability: float
    """Of a large core, mean of the members."""
    calibrated: float | None
    """The probability after recalibration; None if the study could not be recalibrated."""
    declined: list[str]
    """Why the scan is not assessable; none for one that is."""

    @property
    def measured(self) -> bool:
        """Whether the model found something to measure."""
        return NOT_MEASURED not in self.declined


@schema(frozen=True, config=STRICT)
class ScanScores:
    """Scores of one scan."""

    models: dict[str, ModelScore]
    """By model; none if there is no series."""
    reason: str = ""
    """Why there is no series."""


@schema(frozen=True, config=STRICT)
class PatientScores:
    """The record of a task."""

    scans: dict[str, ScanScores]
    """By level."""
    truths: dict[str, float] | None
    """Volumes of the patient [mL]; with the good scan."""


@dataclass(frozen=True)
class Tried:
    """A model that is tried."""

    members: str
    """Digest of its members."""
    answers: str
    """Digest of all that determines its answers."""
    typical: TypicalPatients | None
    """The range of its training patients; None if they are not known."""


@dataclass(frozen=True)
class StressTest:
    """The models of a study that are tried, and on whom."""

    outputs: Path
    study: str
    models: Mapping[str, Tried]
    rules: Rules
    """Of the training cohort; short scans are padded."""
    seed: int

    def finished(self, task: Task) -> PatientScores | None:
        """The record of a task that an earlier command has done."""
        return self._folder.records(task.name).read(task.number, self._key(task), PatientScores)

    def __call__(self, task: Task) -> None:
        """Scan a patient, score the scans and keep the scores."""
        patient = StressPatient.draw(self.seed, task.number)
        with threadpool_limits(1):  # scores do not depend on the number of processes
            scores = self._scores(patient, task.conditions)
            record = PatientScores(scores, patient.truths() if task.axis is None else None)
        self._folder.records(task.name).write(task.number, self._key(task), plain(record))

    @property
    def _folder(self) -> StressFolder:
        return StressFolder(StudyFolder(self.outputs, self.study))

    def _key(self, task: Task) -> str:
        return digest(
            {
                "version": __version__,
                "seed": self.seed,
                "models": {name: model.answers for name, model in self.models.items()},
                "rules": vars(self.rules),
                "levels": list(task.conditions),
            }
        )

    def _scores(self, patient: StressPatient, conditions: Mapping[str, Condition]) -> dict[str, ScanScores]:
        """Scores by level."""
        series: dict[str, StandardSeries] = {}
        found: dict[str, ScanScores] = {}
        for level, condition in conditions.items():
            try:
                series[level] = patient.series(condition, self.rules)
            except Excluded as finding:
                found[level] = ScanScores({}, finding.reason)
        found |= {level: ScanScores({}) for level in series}
        for name, model in self.models.items():
            predictor = replace(_predictor(self.outputs, self.study, name), typical=model.typical)
            for level, one in series.items():
                found[level].models[name] = _score(predictor, one)
        return found


def _score(predictor: Predictor, series: StandardSeries) -> ModelScore:
    said = answer(predictor, "", series)
    assert said.probability is not None
    calibrated = None if said.calibrated is None else round(said.calibrated, 6)
    return ModelScore(round(said.probability, 6), calibrated, said.declined)


@cache
def _predictor(outputs: Path, study: str, model: str) -> Predictor:
    """A model, loaded once per process."""
    return Predictor.load(StudyFolder(outputs, study), model)


def padded(rules: Rules) -> Rules:
    """Rules by which short scans are padded instead of excluded: models are tried, not the rules."""
    return replace(rules, levels="manifest", short_scan="pad")
