"""The three files that a run and an ensemble leave: predictions, record, provenance."""

from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from stroke_ctp.common.files import write_json
from stroke_ctp.common.locks import exclusive_lock
from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.common.records import read_record
from stroke_ctp.study.predictions_file import write_predictions


class ResultFiles:
    """A folder with `predictions.csv`, `metrics.json` (the record) and `run.json` (time, device, versions).

    The record is written last: it completes the folder.
    """

    _way_out: ClassVar[str]
    """What to do about a damaged file, for messages."""

    def __init__(self, path: Path) -> None:
        """Name a folder; nothing is read or written yet."""
        self.path = path

    @property
    def is_complete(self) -> bool:
        """Whether predictions and record are there."""
        return self._predictions.exists() and self._record.exists()

    def lock(self) -> AbstractContextManager[bool]:
        """Wait until no other process works on this folder, and keep others from it."""
        return exclusive_lock(self.path / ".lock", wait=True)

    def provenance(self) -> RunProvenance:
        """Path of the cohort, seconds, device, versions and revision.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._provenance, RunProvenance, self._way_out)

    def _write_predictions(self, predictions: pd.DataFrame, provenance: RunProvenance) -> str:
        """Write predictions and provenance; SHA-256 of the predictions."""
        sha256 = write_predictions(self._predictions, predictions)
        write_json(self._provenance, asdict(provenance))
        return sha256

    def _write_record(self, record: Any) -> None:
        """Write the record, a dataclass; the folder is complete afterwards."""
        write_json(self._record, asdict(record))

    @property
    def _predictions(self) -> Path:
        return self.path / "predictions.csv"

    @property
    def _provenance(self) -> Path:
        return self.path / "run.json"

    @property
    def _record(self) -> Path:
        return self.path / "metrics.json"
