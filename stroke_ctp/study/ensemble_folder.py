"""The ensemble of a model on disk: the external cohort scored by every member and by their mean."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.fold_settings import MOST_FOLDS
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim
from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.common.text import some
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.study.predictions_file import auc_of, read_predictions
from stroke_ctp.study.result_files import ResultFiles
from stroke_ctp.study.run_folder import CohortReference, RunFolder

MEAN = "mean"
"""Value of the column `fold` in the rows of the members' mean."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ExternalCohort(CohortReference):
    """The cohort that was scored."""

    large: int
    """How many of its patients have a large core."""


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
    n_folds: Annotated[int, Field(ge=1, le=MOST_FOLDS)]
    members: list[str]
    """Digest of each member's record."""
    endpoint: Endpoint
    encoder: Provenance | None
    cohort: ExternalCohort
    auc: ExternalAUC
    predictions: str
    """SHA-256 of `predictions.csv`."""


class EnsembleFolder(ResultFiles):
    """The only reader and writer of `OUTPUTS/NAME/MODEL/ensemble`; its files are named as those of a run."""

    _way_out = "remove its folder and run the ensemble again"

    def claim(self, cohort: str, members: Sequence[RunFolder]) -> None:
        """Record which cohort is scored by which runs, before anything is computed.

        Raises:
            UserError: The folder was made of others.
        """
        made_of = {"external": cohort, "members": [run.record().digest for run in members]}
        claim(self.path, made_of, "remove the folder to score again")

    def write(self, record: Mapping[str, Any], predictions: pd.DataFrame, provenance: RunProvenance) -> None:
        """Write the results.

        Args:
            record: Fields of `EnsembleRecord` except `auc` and `predictions`, which are added here.
            predictions: Of the external patients by every member and by the mean.
            provenance: Time, device, versions; see `common.provenance`.
        """
        sha256 = self._write_predictions(predictions, provenance)
        *members, mean = (auc_of(rows) for _, rows in predictions.groupby("fold", sort=False))
        auc = ExternalAUC(mean, members)
        self._write_record(EnsembleRecord(**record, auc=auc, predictions=sha256))

    def record(self) -> EnsembleRecord:
        """What the ensemble recorded.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._record, EnsembleRecord, self._way_out)

    def predictions(self, members: Sequence[RunFolder]) -> pd.DataFrame:
        """Predictions of the external patients by every member and by the mean.

        Args:
            members: The runs of which the ensemble should be made.

        Raises:
            UserError: It was made of other runs, was changed afterwards, or breaks its contract.
        """
        record = self.record()
        if record.members != [run.record().digest for run in members]:
            raise UserError(f"{self.path} was made from other runs than those in {self.path.parent}; {self._way_out}")
        folds = [*(run.member for run in members), MEAN]
        table = read_predictions(self._predictions, record.predictions, folds, splits=("external",))
        n_patients = table["patient"].nunique()
        missing = [fold for fold in folds if (table["fold"] == fold).sum() < n_patients]
        if missing:
            raise UserError(
                f"{self._predictions} must have every patient in each of the members {folds[0]} to {folds[-2]} and in "
                f"their mean, missing in {some(missing)}; {self._way_out}"
            )
        again = table[table.duplicated(["fold", "patient"])]
        if len(again):
            raise UserError(
                f"{self._predictions} must hold a patient once per fold, repeated: {some(again['patient'])}; "
                f"{self._way_out}"
            )
        return table
