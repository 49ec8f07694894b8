"""The ensemble of a model on disk: the external cohort scored by every member and by their mean."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import at_work, claim, write_json
from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.common.text import some
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.study.predictions_file import auc_of, read_predictions, write_predictions
from stroke_ctp.study.run_folder import RunFolder

MEAN = "mean"
"""Value of the column `fold` in the rows of the members' mean."""
_WAY_OUT = "remove its folder and run the ensemble again"


@dataclass(frozen=True, config=STRICT)
class ExternalCohort:
    """The cohort that was scored."""

    hash: str
    patients: int
    """Number of its patients."""
    large: int
    """How many of them have a large core."""


@dataclass(frozen=True, config=STRICT)
class ExternalAUC:
    """AUC on the external cohort; None where a class is missing."""

    external: float | None
    """Of the members' mean."""
    members: list[float | None]


@dataclass(frozen=True, config=STRICT)
class EnsembleRecord:
    """Content of `metrics.json`: what the ensemble's predictions depend on, and their AUC."""

    model: str
    n_folds: int
    members: list[str]
    """Digest of each member's record."""
    endpoint: Endpoint
    encoder: Provenance | None
    cohort: ExternalCohort
    auc: ExternalAUC
    predictions: str
    """SHA-256 of `predictions.csv`."""


class EnsembleFolder:
    """The only reader and writer of `OUTPUTS/NAME/MODEL/ensemble`; its files are named as those of a run."""

    def __init__(self, path: Path) -> None:
        """Name a folder; nothing is read or written yet."""
        self.path = path

    @property
    def is_complete(self) -> bool:
        """Whether both results are there."""
        return self._predictions.exists() and self._record.exists()

    def claim(self, cohort: str, members: Sequence[RunFolder]) -> None:
        """Record which cohort is scored by which runs, before anything is computed.

        Raises:
            UserError: The folder was made of others.
        """
        made_of = {"external": cohort, "members": [run.record().digest for run in members]}
        claim(self.path, made_of, "remove the folder to score again")

    def lock(self) -> AbstractContextManager[bool]:
        """Wait until no other process works on this ensemble, and keep others from it."""
        return at_work(self.path / ".lock", wait=True)

    def write(self, record: Mapping[str, Any], predictions: pd.DataFrame, provenance: RunProvenance) -> None:
        """Write the results; the record comes last and completes the ensemble.

        Args:
            record: Fields of `EnsembleRecord` but for AUC and digest of the predictions, which are added here.
            predictions: Of the external patients by every member and by the mean.
            provenance: Time, device, versions; see `provenance`.
        """
        digest = write_predictions(self._predictions, predictions)
        write_json(self._provenance, asdict(provenance))
        *members, mean = (auc_of(rows) for _, rows in predictions.groupby("fold", sort=False))
        auc = ExternalAUC(mean, members)
        write_json(self._record, asdict(EnsembleRecord(**record, auc=auc, predictions=digest)))

    def record(self) -> EnsembleRecord:
        """What the ensemble recorded.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._record, EnsembleRecord, _WAY_OUT)

    def provenance(self) -> RunProvenance:
        """Path of the cohort, seconds, device, versions and revision.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._provenance, RunProvenance, _WAY_OUT)

    def predictions(self, members: Sequence[RunFolder]) -> pd.DataFrame:
        """Predictions of the external patients by every member and by the mean.

        Args:
            members: The runs of which the ensemble should be made.

        Raises:
            UserError: It was made of other runs, was changed afterwards, or breaks its contract.
        """
        record = self.record()
        if record.members != [run.record().digest for run in members]:
            raise UserError(f"{self.path} was made of other trainings than those beside it; {_WAY_OUT}")
        folds = [*map(str, range(len(members))), MEAN]
        table = read_predictions(self._predictions, record.predictions, folds, splits=("external",))
        n_patients = table["patient"].nunique()
        missing = [fold for fold in folds if (table["fold"] == fold).sum() < n_patients]
        if missing:
            raise UserError(
                f"{self._predictions} must have every patient in each of the members 0 to {len(members) - 1} and in "
                f"their mean, missing in {some(missing)}; {_WAY_OUT}"
            )
        again = table[table.duplicated(["fold", "patient"])]
        if len(again):
            raise UserError(
                f"{self._predictions} must hold a patient once per fold, repeated: {some(again['patient'])}"
            )
        return table

    @property
    def _predictions(self) -> Path:
        return self.path / "predictions.csv"

    @property
    def _provenance(self) -> Path:
        return self.path / "run.json"

    @property
    def _record(self) -> Path:
        return self.path / "metrics.json"
