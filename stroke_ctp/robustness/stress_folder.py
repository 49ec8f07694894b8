"""What `python -m stroke_ctp.stress` writes. Only this module names its files."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.patient_records import PatientRecords
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, file_digest, write_json
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT, plain
from stroke_ctp.study.study_folder import StudyFolder

WAY_OUT = "run `python -m stroke_ctp.stress` again"
COLUMNS = ("axis", "level", "patient", "model", "probability", "calibrated", "measured", "declined", "reason")


@dataclass(frozen=True, config=STRICT)
class StressRecord:
    """What the scores depend on."""

    models: dict[str, str]
    """Digest of each model's members."""
    endpoint: Endpoint
    """Of the study: what a probability is of."""
    truth: str
    """Which of `stress_patient.TRUTHS` the study's label is."""
    share_large: float
    """Of large cores among the training patients."""
    patients: int
    seed: int
    axes: dict[str, list[float]]
    """Levels of each axis along which patients were scanned."""
    questions: list[str]
    """Axes that ask other questions of the good scans."""
    truths: list[dict[str, float]]
    """Volumes of every patient [mL]."""
    scores: str
    """SHA-256 of the table of scores."""


class StressFolder:
    """Scores, curves and figures of a study's stress test."""

    def __init__(self, study: StudyFolder) -> None:
        self.path = study.path / "stress"
        self.curves, self.figure = self.path / "curves.csv", self.path / "curves"
        self.declines = self.path / "risk_coverage"
        self._scores, self._record = self.path / "scores.csv", self.path / "stress.json"

    @property
    def is_complete(self) -> bool:
        """Whether a stress test has ended."""
        return self._record.exists()

    def records(self, axis: str) -> PatientRecords:
        """Scores of single patients along an axis, so that the command can continue."""
        return PatientRecords(self.path / ".records" / axis)

    def write(self, record: Mapping[str, Any], scores: pd.DataFrame) -> None:
        """Write the scores, then their record, which completes the test.

        Args:
            record: Fields of `StressRecord` but `scores`.
            scores: `COLUMNS`.
        """
        with atomic_write(self._scores) as partial:
            scores.to_csv(partial, index=False)
        write_json(self._record, plain(StressRecord(**record, scores=file_digest(self._scores))))

    def write_curves(self, curves: pd.DataFrame) -> None:
        """Write the table of curves."""
        with atomic_write(self.curves) as partial:
            curves.to_csv(partial, index=False)

    def remove_declines(self) -> None:
        """Remove the figure of an earlier command, where this one has none."""
        for suffix in (".png", ".pdf"):
            self.declines.with_suffix(suffix).unlink(missing_ok=True)

    def record(self) -> StressRecord:
        """What the scores depend on.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._record, StressRecord, WAY_OUT)

    def scores(self) -> pd.DataFrame:
        """Scores of all patients.

        Raises:
            UserError: The table was changed after the test.
        """
        if not self._scores.exists() or file_digest(self._scores) != self.record().scores:
            raise UserError(f"{self._scores} was changed after it was written; {WAY_OUT}")
        return pd.read_csv(self._scores, keep_default_na=False, na_values={"probability": "", "calibrated": ""})


def scores_table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """The table of scores, rounded as it is written."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))
