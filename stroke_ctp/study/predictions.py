"""The predictions of a study, as the report and the audit use them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import nearest
from stroke_ctp.common.text import some
from stroke_ctp.statistics.labels import Labels, Scores
from stroke_ctp.study.ensemble_folder import MEAN, EnsembleRecord
from stroke_ctp.study.run_folder import RunFolder, RunRecord
from stroke_ctp.study.study_folder import RunKey, StudyFolder, missing_folds, require_same


@dataclass(frozen=True)
class ModelPredictions:
    """Everything that one model predicted."""

    name: str
    runs: Mapping[RunKey, RunFolder]
    """Complete runs, by seed and fold."""
    record: RunRecord
    """Of the first run; `RunRecord.shared` is the same in all."""
    folds: pd.DataFrame
    """Rows of the validation and test folds of every seed; `seed`, `fold` and `label` are integers, label 1 is a large
    core."""
    external: pd.DataFrame | None
    """Rows of the external cohort, `fold` a member's name or `mean`; None if there is no ensemble."""
    ensemble_record: EnsembleRecord | None
    permuted: Float[np.ndarray, "permutation fold"] | None = None
    """AUC of every test fold after trainings of the first seed on permuted classes; None if there are none."""
    missing: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Folds that were not run, by seed, in a study that is shown as partial."""

    @property
    def n_folds(self) -> int:
        """Number of folds of the cross-validation."""
        return self.record.n_folds

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the trainings."""
        return tuple(sorted({key.seed for key in self.runs}))

    @property
    def empty_folds(self) -> tuple[int, ...]:
        """Folds that no seed has run."""
        run = {key.fold for key in self.runs}
        return tuple(fold for fold in range(self.n_folds) if fold not in run)

    @property
    def test(self) -> pd.DataFrame:
        """Rows of the test folds: every patient once for each seed, by the run that was not trained on the patient."""
        return self.folds[self.folds["split"] == "test"]

    @property
    def validation(self) -> pd.DataFrame:
        """Rows of the validation folds: every patient once for each seed."""
        return self.folds[self.folds["split"] == "validation"]

    def rows_of(self, run: RunFolder) -> pd.DataFrame:
        """Validation and test patients of one run."""
        return self.folds[(self.folds["seed"] == run.seed) & (self.folds["fold"] == run.fold)]

    def external_rows_of(self, run: RunFolder) -> pd.DataFrame:
        """External patients scored by one run; none without an ensemble."""
        return pd.DataFrame() if self.external is None else self.external[self.external["fold"] == run.member]

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
    chosen: str | None = None
    """The model that was asked for as the main one."""

    @property
    def main(self) -> ModelPredictions:
        """The model that the report is about: the chosen one, else the full one, else the first that was run."""
        return self.models[self.chosen] if self.chosen else next(iter(self.models.values()))


def read_study(folder: StudyFolder, partial: bool = False, main: str | None = None) -> Study:
    """Read the predictions of all models of a study.

    Args:
        folder: Of the study.
        partial: Whether folds may be missing.
        main: The model that the report is about; None for the full one, or else the first.

    Raises:
        UserError: Nothing was run, not the main model, folds are missing, runs differ in what they must share, or a
            table breaks its contract.
    """
    names = folder.models()
    if not names:
        raise UserError(f"nothing was trained in {folder.path}; run `{folder.train_command} fold=0..9`")
    if main is not None and main not in names:
        raise UserError(f"main must be a model of {folder.path} ({', '.join(names)}), got {main}{nearest(main, names)}")
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
    return Study(folder.name, models, main)


def read_model(folder: StudyFolder, name: str, partial: bool = False) -> ModelPredictions:
    """Read the predictions of one model; arguments and errors as of `read_study`.

    A model with missing folds has no ensemble.
    """
    runs = folder.complete_runs(name, partial)
    record = next(iter(runs.values())).record()
    missing = missing_folds(runs, record.n_folds)
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
        None if missing else folder.permutations(name).aucs(folder.runs_of_first_seed(name)),
        missing,
    )


def read_folds(folder: StudyFolder, name: str, runs: Mapping[RunKey, RunFolder]) -> pd.DataFrame:
    """Rows of the validation and test folds of a model, as in `ModelPredictions`.

    Args:
        folder: Of the study.
        name: Of the model.
        runs: Its complete runs; some may be missing.

    Raises:
        UserError: A table breaks its contract, or a patient is not tested and validated once for each seed.
    """
    missing = missing_folds(runs, next(iter(runs.values())).record().n_folds)
    tables = [run.predictions().assign(seed=run.seed) for run in runs.values()]
    folds = pd.concat(tables, ignore_index=True).astype({"fold": int})
    for seed, rows in folds.groupby("seed"):
        _require_patients_once(rows, folder.path / name, all_of_them=seed not in missing)
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
