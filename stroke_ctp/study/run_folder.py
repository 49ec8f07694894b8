"""One fold of one model on disk: what a run writes, and what it records of its inputs."""

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import at_work, digest, file_digest, read_json, read_record, write_json
from stroke_ctp.common.provenance import machine
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.weights import Provenance
from stroke_ctp.study.predictions_file import read_predictions, write_predictions


@dataclass(frozen=True)
class CohortReference:
    """Which cohort a run used."""

    hash: str
    patients: int
    """Number of its patients."""


@dataclass(frozen=True)
class RunPatients:
    """Who was used for what, by identifier in the cohort's order."""

    train: list[str]
    validation: list[str]
    test: list[str]


@dataclass(frozen=True)
class RunRecord:
    """Content of `metrics.json`: everything that a run's predictions depend on, and their AUC."""

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
    """What the model records of its fit: epochs, scale, feature cache, digest of fitted statistics."""
    auc: dict[str, float | None] = field(default_factory=dict)
    """Of validation and test patients; None where one class is missing."""
    predictions: str = ""
    """SHA-256 of `predictions.csv`."""

    @property
    def digest(self) -> str:
        """Identifies the run: an ensemble records the digests of its members."""
        return digest(asdict(self))


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

    def write(self, record: RunRecord, predictions: pd.DataFrame, aucs: dict[str, float | None], provenance: dict[str, Any]) -> None:
        """Write the results of a run; the record, which completes it, comes last.

        Args:
            record: Without AUC and digest of the predictions, which are added here.
            predictions: Of validation and test patients; see `predictions_file`.
            aucs: Of both.
            provenance: Time, device, versions; see `provenance`.
        """
        write_predictions(self._predictions, predictions)
        write_json(self.path / "run.json", provenance)
        complete = replace(record, auc=aucs, predictions=file_digest(self._predictions))
        write_json(self._record, asdict(complete))

    def record(self) -> RunRecord:
        """What the run recorded.

        Raises:
            UserError: The file is damaged.
        """
        return read_record(self._record, RunRecord, "remove it and train the fold again")

    def provenance(self) -> dict[str, Any]:
        """Path of the cohort, seconds, device, versions and revision."""
        return read_json(self.path / "run.json")

    def predictions(self) -> pd.DataFrame:
        """Predictions of the validation and test patients.

        Raises:
            UserError: The table was changed after the run, or breaks the contract.
        """
        require_unchanged(self._predictions, self.record().predictions)
        return read_predictions(self._predictions, (str(self.fold),), ("validation", "test"))

    @property
    def _predictions(self) -> Path:
        return self.path / "predictions.csv"

    @property
    def _record(self) -> Path:
        return self.path / "metrics.json"
