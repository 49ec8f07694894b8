"""The predictions of a study, as the report and the audit use them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.text import some
from stroke_ctp.statistics.labels import Labels, Scores
from stroke_ctp.study.ensemble_folder import MEAN, EnsembleRecord
from stroke_ctp.study.run_folder import RunFolder, RunRecord
from stroke_ctp.study.study_folder import StudyFolder, require_same


@dataclass(frozen=True)
class ModelPredictions:
    """Everything that one model predicted."""

    name: str
    runs: Mapping[int, RunFolder]
    """Complete runs, by fold."""
    record: RunRecord
    """Of the first run; `RunRecord.shared` is the same in all."""
    folds: pd.DataFrame
    """Rows of the validation and test folds; `fold` and `label` are integers, label 1 is a large core."""
    external: pd.DataFrame | None
    """Rows of the external cohort, `fold` a member's number or `mean`; None if there is no ensemble."""
    ensemble_record: EnsembleRecord | None
    missing: tuple[int, ...] = ()
    """Folds that were not run, in a study that is shown as partial."""

    @property
    def n_folds(self) -> int:
        """Number of folds of the cross-validation."""
        return self.record.n_folds

    @property
    def test(self) -> pd.DataFrame:
        """Rows of the test folds: every patient once, predicted by the one run that was not trained on the patient."""
        return self.folds[self.folds["split"] == "test"]

    @property
    def validation(self) -> pd.DataFrame:
        """Rows of the validation folds: every patient once."""
        return self.folds[self.folds["split"] == "validation"]

    @property
    def test_to_train(self) -> float:
        """Number of test patients of a fold divided by that of its training patients, mean over the folds."""
        used = [run.record().patients for run in self.runs.values()]
        return mean(len(patients.test) / len(patients.train) for patients in used)

    @property
    def n_train(self) -> float:
        """Number of training patients of a fold, mean over the folds."""
        return mean(float(len(run.record().patients.train)) for run in self.runs.values())

    @property
    def ensemble(self) -> pd.DataFrame | None:
        """Rows of the members' mean on the external cohort."""
        return None if self.external is None else self.external[self.external["fold"] == MEAN]


@dataclass(frozen=True)
class Study:
    """The models that were run under one name, in the order in which they are shown."""

    name: str
    models: Mapping[str, ModelPredictions]

    @property
    def main(self) -> ModelPredictions:
        """The model that the report is about: the full one, or else the first that was run."""
        return next(iter(self.models.values()))


def read_study(folder: StudyFolder, partial: bool = False) -> Study:
    """Read the predictions of all models of a study.

    Args:
        folder: Of the study.
        partial: Whether folds may be missing.

    Raises:
        UserError: Nothing was run, folds are missing, runs differ in what they must share, or a table breaks its
            contract.
    """
    names = folder.models()
    if not names:
        raise UserError(f"nothing was trained in {folder.path}; run `{folder.train_command} fold=0..9`")
    models = {name: read_model(folder, name, partial) for name in names}
    expected: dict[str, Any] = {}
    for model in models.values():
        shared = {key: value for key, value in model.record.shared.items() if value is not None}  # some have no encoder
        first = {key: expected.setdefault(key, value) for key, value in shared.items()}
        require_same(shared, first, folder.path / model.name)
        if model.ensemble_record is not None:
            scored = asdict(model.ensemble_record.cohort)
            where, way_out = folder.path / model.name, "remove the folder of one ensemble and score it again"
            require_same({"external": scored}, {"external": expected.setdefault("external", scored)}, where, way_out)
    return Study(folder.name, models)


def read_model(folder: StudyFolder, name: str, partial: bool = False) -> ModelPredictions:
    """Read the predictions of one model; arguments and errors as of `read_study`.

    A model with missing folds has no ensemble.
    """
    runs = folder.complete_runs(name, partial)
    record = next(iter(runs.values())).record()
    missing = tuple(fold for fold in range(record.n_folds) if fold not in runs)
    folds = read_folds(folder, name, runs)
    ensemble = folder.ensemble(name)
    scored = ensemble.is_complete and not missing
    return ModelPredictions(
        name,
        runs,
        record,
        folds,
        ensemble.predictions(list(runs.values())) if scored else None,
        ensemble.record() if scored else None,
        missing,
    )


def read_folds(folder: StudyFolder, name: str, runs: Mapping[int, RunFolder]) -> pd.DataFrame:
    """Rows of the validation and test folds of a model; `fold` and `label` are integers.

    Args:
        folder: Of the study.
        name: Of the model.
        runs: Its complete runs, by fold; some may be missing.

    Raises:
        UserError: A table breaks its contract, or a patient is not tested and validated once.
    """
    folds = pd.concat([run.predictions() for run in runs.values()], ignore_index=True).astype({"fold": int})
    n_folds = next(iter(runs.values())).record().n_folds
    _require_patients_once(folds, folder.path / name, all_of_them=len(runs) == n_folds)
    return folds


def labels_and_scores(rows: pd.DataFrame) -> tuple[Labels, Scores]:
    """Classes and probabilities of some rows."""
    return rows["label"].to_numpy(int), rows["probability"].to_numpy(float)


def _require_patients_once(folds: pd.DataFrame, folder: Path, all_of_them: bool) -> None:
    """Require that no patient is tested or validated twice over all folds and, with all folds, that each is once."""
    patients = set(folds["patient"])
    for split, verb in (("test", "tested"), ("validation", "validated")):
        rows = folds.loc[folds["split"] == split, "patient"]
        rule = f"every patient of {folder} must be {verb} exactly once"
        way_out = "train the folds again under another name"
        if rows.duplicated().any():
            raise UserError(f"{rule}, repeated: {some(rows[rows.duplicated()])}; {way_out}")
        if all_of_them and patients - set(rows):
            raise UserError(f"{rule}, never {verb}: {some(patients - set(rows))}; {way_out}")
