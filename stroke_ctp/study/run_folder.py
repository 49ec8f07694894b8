"""One fold of one model on disk: what a run writes, and what it records of its inputs."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.fold_settings import MOST_FOLDS
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import digest, write_json
from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT, plain
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.fit_records import check_fit
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.study.predictions_file import auc_of, read_predictions
from stroke_ctp.study.result_files import ResultFiles


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """What of a study lies outside the folder of all studies, as the command line says.

    Files of a study may come from others: a folder outside that only they name is neither read nor written.
    """

    bank: Path | None = None
    """Feature cache; None: OUTPUTS/bank."""
    cohorts: tuple[Path, ...] = ()
    """Cohorts."""

    @classmethod
    def of_training(cls, cohort: Path | None, bank: Path | None) -> "Elsewhere":
        """The training cohort and its feature cache, where they lie outside."""
        return cls(bank, () if cohort is None else (cohort,))


@dataclass(frozen=True, config=STRICT)
class CohortReference:
    """Which cohort was used, and what it says of its patients: pages tell it also where the cohort is gone."""

    hash: str
    patients: int
    """Number of its patients."""
    simulated: int
    """How many of them are simulated."""
    labels: dict[str, int]
    """Number of patients by how their core volume was obtained; empty text where the manifest does not say."""
    rules: Rules = Rules()
    """How its series were made: those of new patients are made in the same way."""

    @classmethod
    def of(cls, cohort: Cohort) -> "CohortReference":
        """Refer to a cohort."""
        return cls(cohort.hash, len(cohort), cohort.n_simulated, cohort.label_definitions, cohort.rules)


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
    seed: Annotated[int, Field(ge=0)]
    """0 for a model whose fit draws nothing at random."""
    fold: Annotated[int, Field(ge=0)]
    n_folds: Annotated[int, Field(ge=1, le=MOST_FOLDS)]
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

    def __post_init__(self) -> None:
        """Refuse the fit of another model."""
        used = self.patients
        check_fit(self.model, self.fitted, [*used.train, *used.validation, *used.test])

    @property
    def digest(self) -> str:
        """Identifies the run in the record of an ensemble."""
        return digest(asdict(self))

    @property
    def shared(self) -> dict[str, Any]:
        """What all runs of a model must share."""
        names = ("n_folds", "endpoint", "encoder", "cohort", "settings")
        return {name: value for name, value in asdict(self).items() if name in names}


class RunFolder(ResultFiles):
    """The only reader and writer of `OUTPUTS/NAME/MODEL/fold-K`, and of `MODEL/seed-S/fold-K` for seeds other than 0.

    The results appear at the end of a run; `settings.json`, the checkpoints and the log while it trains.
    """

    _way_out = "remove its folder and train the fold again"

    def __init__(self, path: Path, elsewhere: Elsewhere = Elsewhere()) -> None:
        """Name a run; nothing is read or written yet."""
        super().__init__(path)
        self.elsewhere = elsewhere

    @property
    def fold(self) -> int:
        """Number of the fold."""
        return int(self.path.name.removeprefix("fold-"))

    @property
    def seed(self) -> int:
        """Seed of the training."""
        parent = self.path.parent.name
        return int(parent.removeprefix("seed-")) if re.fullmatch(r"seed-\d+", parent) else 0

    @property
    def member(self) -> str:
        """What the run is called among the members of an ensemble: `3`, of another seed than 0 `3-seed-1`."""
        return f"{self.fold}-seed-{self.seed}" if self.seed else str(self.fold)

    @property
    def outputs(self) -> Path:
        """Folder of all studies, where it is now: it may have been moved after the run, also to another machine."""
        return self.path.parents[3 if self.seed else 2]

    @property
    def training(self) -> TrainingFiles:
        """Checkpoints and log of a training."""
        return TrainingFiles(self.path)

    def write_settings(self, settings: TrainSettings) -> None:
        """Record the settings before the run begins."""
        write_json(self._settings, plain(settings))

    def settings(self) -> TrainSettings:
        """Settings of the run.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._settings, TrainSettings, self._way_out)

    def refuse_other_settings(self, shared: Mapping[str, Any]) -> None:
        """Refuse a complete run that was trained with other settings than these of its study, by their digest.

        Raises:
            UserError: The digests differ.
        """
        if self.record().settings != digest(shared):
            raise UserError(f"{self.path} was trained with other settings; repeat those, or choose another name=NAME")

    def refuse_other_pathways(self, settings: TrainSettings) -> None:
        """Refuse a run of a model of the same name with other pathways.

        Raises:
            UserError: Names both.
        """
        ours, theirs = settings.ablation.pathways, self.settings().ablation.pathways
        if ours != theirs:
            raise UserError(
                f"{self.path} was trained with the pathways {', '.join(theirs)}, not {', '.join(ours)}; "
                "choose another ablation.name=NAME"
            )

    def write(self, record: Mapping[str, Any], predictions: pd.DataFrame, provenance: RunProvenance) -> None:
        """Write the results of a run.

        Args:
            record: Fields of `RunRecord` except `auc` and `predictions`, which are added here.
            predictions: Of validation and test patients; see `study.predictions_file`.
            provenance: Time, device, versions; see `common.provenance`.
        """
        sha256 = self._write_predictions(predictions, provenance)
        aucs = {str(split): auc_of(rows) for split, rows in predictions.groupby("split")}
        self._write_record(RunRecord(**record, auc=aucs, predictions=sha256))

    def record(self) -> RunRecord:
        """What the run recorded.

        Raises:
            UserError: The file is missing or damaged.
        """
        return read_record(self._record, RunRecord, self._way_out)

    def predictions(self) -> pd.DataFrame:
        """Predictions of the validation and test patients.

        Raises:
            UserError: The table was changed after the run, or breaks its contract.
        """
        return read_predictions(
            self._predictions, self.record().predictions, folds=(str(self.fold),), splits=("validation", "test")
        )

    @property
    def _settings(self) -> Path:
        return self.path / "settings.json"
