"""One fold of one model on disk: what a run writes, and what it records of its inputs."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.files import at_work, digest, write_json
from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT, plain
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.study.predictions_file import auc_of, read_predictions, write_predictions

_WAY_OUT = "remove it and train the fold again"


@dataclass(frozen=True, config=STRICT)
class CohortReference:
    """Which cohort was used."""

    hash: str
    patients: int
    """Number of its patients."""


@dataclass(frozen=True, config=STRICT)
class RunPatients:
    """Patients by their use, in the cohort's order."""

    train: list[str]
    validation: list[str]
    test: list[str]


@dataclass(frozen=True, config=STRICT)
class RunRecord:
    """Content of `metrics.json`: what a run's predictions depend on, and their AUC."""

    model: str
    fold: int
    n_folds: int
    endpoint: Endpoint
    encoder: Provenance | None
    cohort: CohortReference
    settings: str
    """Digest of the study's settings."""
    patients: RunPatients
    fitted: dict[str, Any]
    """What the model recorded of its fit: epochs, scale, feature cache, digest of fitted statistics."""
    auc: dict[str, float | None]
    """Of validation and test patients; None where a class is missing."""
    predictions: str
    """SHA-256 of `predictions.csv`."""

    @property
    def digest(self) -> str:
        """Identifies the run in the record of an ensemble."""
        return digest(asdict(self))

    @property
    def shared(self) -> dict[str, Any]:
        """What all runs of a model must share."""
        names = ("n_folds", "endpoint", "encoder", "cohort", "settings")
        return {name: value for name, value in asdict(self).items() if name in names}


class RunFolder:
    """The only reader and writer of `OUTPUTS/NAME/MODEL/fold-K`.

    `predictions.csv`, `metrics.json` (the record) and `run.json` (time, device, versions) appear together at the end of
    a run; `settings.json`, the checkpoints and the log while it trains.
    """

    def __init__(self, path: Path) -> None:
        """Name a folder; nothing is read or written yet."""
        self.path = path

    @property
    def fold(self) -> int:
        """Number of the fold."""
        return int(self.path.name.removeprefix("fold-"))

    @property
    def training(self) -> TrainingFiles:
        """Checkpoints and log of a training."""
        return TrainingFiles(self.path)

    @property
    def is_complete(self) -> bool:
        """Whether the run has ended and both of its results are there."""
        return self._predictions.exists() and self._record.exists()

    def lock(self) -> AbstractContextManager[bool]:
        """Wait until no other process works on this run, and keep others from it."""
        return at_work(self.path / ".lock", wait=True)

    def write_settings(self, settings: TrainSettings) -> None:
        """Record the settings before the run begins."""
        write_json(self._settings, plain(settings))

    def settings(self) -> TrainSettings:
        """Settings of the run.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._settings, TrainSettings, _WAY_OUT)

    def write(self, record: Mapping[str, Any], predictions: pd.DataFrame, provenance: RunProvenance) -> None:
        """Write the results of a run; the record comes last and completes it.

        Args:
            record: Fields of `RunRecord` but for AUC and digest of the predictions, which are added here.
            predictions: Of validation and test patients; see `predictions_file`.
            provenance: Time, device, versions; see `provenance`.
        """
        digest = write_predictions(self._predictions, predictions)
        write_json(self._provenance, asdict(provenance))
        aucs = {str(split): auc_of(rows) for split, rows in predictions.groupby("split")}
        write_json(self._record, asdict(RunRecord(**record, auc=aucs, predictions=digest)))

    def record(self) -> RunRecord:
        """What the run recorded.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._record, RunRecord, _WAY_OUT)

    def provenance(self) -> RunProvenance:
        """Path of the cohort, seconds, device, versions and revision.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._provenance, RunProvenance, _WAY_OUT)

    def predictions(self) -> pd.DataFrame:
        """Predictions of the validation and test patients.

        Raises:
            UserError: The table was changed after the run, or breaks its contract.
        """
        return read_predictions(
            self._predictions, self.record().predictions, folds=(str(self.fold),), splits=("validation", "test")
        )

    @property
    def _predictions(self) -> Path:
        return self.path / "predictions.csv"

    @property
    def _provenance(self) -> Path:
        return self.path / "run.json"

    @property
    def _record(self) -> Path:
        return self.path / "metrics.json"

    @property
    def _settings(self) -> Path:
        return self.path / "settings.json"
