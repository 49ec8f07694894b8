"""Read and validate the predictions of a study."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import differing, digest, is_complete, read_json
from stroke_ctp.statistics.labels import Labels, Scores
from stroke_ctp.study.model_names import in_display_order
from stroke_ctp.study.prediction_tables import is_sealed, read_predictions, some

_SETTINGS = ("n_folds", "endpoint", "encoder", "cohort", "settings")
_OPTIONAL = ("encoder", "settings")
"""A conventional baseline has no encoder, and earlier trainings recorded no digest of all their settings."""
_KINDS: dict[str, Any] = {
    "n_folds": int,
    "endpoint": {"column": str, "rule": str | int | float, "threshold": int | float},
    "cohort": {"hash": str},
}
"""Types of the settings that a report needs."""


@dataclass(frozen=True)
class Ablation:
    """Everything that one ablation predicted."""

    name: str
    folds: pd.DataFrame
    """Rows of the validation and test folds; `fold` and `label` are integers, label 1 is a large core."""
    external: pd.DataFrame | None
    """Rows of the external cohort; `fold` is a member's number or `mean`. None if the ensemble was not run."""
    settings: dict[str, Any]
    """What the metrics.json of all folds share: n_folds, endpoint, cohort and, if there is one, encoder."""
    missing: tuple[int, ...] = ()
    """Folds that were not run, if the study was read as partial."""
    sealed: bool = False
    """Whether every table has the digest that was recorded when it was written."""
    external_hash: str | None = None
    """Hash of the external cohort; None if the ensemble was not run or did not record it."""

    @property
    def n_folds(self) -> int:
        """Number of folds of the cross-validation."""
        return int(self.settings["n_folds"])

    @property
    def test(self) -> pd.DataFrame:
        """Rows of the test folds: every patient once, predicted by the one model that has not seen the patient."""
        return self.folds[self.folds["split"] == "test"]

    @property
    def validation(self) -> pd.DataFrame:
        """Rows of the validation folds: every patient once."""
        return self.folds[self.folds["split"] == "validation"]

    @property
    def ensemble(self) -> pd.DataFrame | None:
        """The external cohort's rows of the members' mean."""
        return None if self.external is None else self.external[self.external["fold"] == "mean"]

    @property
    def encoder(self) -> tuple[str, str]:
        """Name and hash of the encoder's weights; both empty for a conventional baseline."""
        encoder = self.settings["encoder"] or {}
        return str(encoder.get("weights") or ""), str(encoder.get("sha256") or "")


@dataclass(frozen=True)
class Study:
    """The models that were run under one name, in display order."""

    name: str
    ablations: dict[str, Ablation]

    @property
    def main(self) -> Ablation:
        """The model that the report is about: the first in display order, `full` if it was run."""
        return next(iter(self.ablations.values()))


def labels_and_scores(predictions: pd.DataFrame) -> tuple[Labels, Scores]:
    """Labels and probabilities of a table of predictions, as the functions of `statistics` take them."""
    return predictions["label"].to_numpy(int), predictions["probability"].to_numpy(float)


def read_study(folder: Path, partial: bool = False) -> Study:
    """Read all models of a study.

    Args:
        folder: The study's folder, `outputs/NAME`.
        partial: Whether folds may be missing.

    Raises:
        UserError: Nothing was run, folds are missing, settings differ, or a table is invalid.
    """
    names = {path.parent.name for path in folder.glob("*/fold-*") if path.is_dir()}
    if not names:
        raise UserError(f"nothing was run in {folder}; run `{_train(folder.name)} fold=0..9`")
    study = Study(folder.name, {name: read_ablation(folder / name, partial) for name in in_display_order(names)})
    one, *others = study.ablations.values()
    for other in others:
        # The encoder may differ: a conventional baseline has none.
        _require_same(other.settings, one.settings, ("n_folds", "endpoint", "cohort", "settings"), folder / other.name)
    return study


def read_ablation(folder: Path, partial: bool = False) -> Ablation:
    """Read and validate the tables of one model, `outputs/NAME/ABLATION`; arguments and errors as in `read_study`.

    A model with missing folds has no ensemble.
    """
    runs = complete_runs(folder, partial)
    ensemble = folder / "ensemble"
    settings = _settings(next(iter(runs.values())))
    missing = tuple(fold for fold in range(settings["n_folds"]) if fold not in runs)
    scored = is_complete(ensemble) and not missing
    # Digests come first: a table that was cut short is reported as changed rather than as invalid.
    seals = [is_sealed(run) for run in [*runs.values(), *([ensemble] if scored else [])]]
    tables = [read_predictions(run / "predictions.csv", (str(fold),)) for fold, run in runs.items()]
    folds = pd.concat(tables, ignore_index=True).astype({"fold": int})
    _require_patients_once(folds, folder, all_of_them=not missing)
    external = _read_external(ensemble, list(runs.values())) if scored else None
    external_hash = read_json(ensemble / "metrics.json").get("cohort", {}).get("hash") if scored else None
    return Ablation(folder.name, folds, external, settings, missing, all(seals), external_hash)


def complete_runs(folder: Path, partial: bool = False) -> dict[int, Path]:
    """Folders of the folds 0 … n−1 of one model, by number.

    Args:
        folder: The model's folder, `outputs/NAME/ABLATION`.
        partial: Whether folds may be missing.

    Raises:
        UserError: Folds are missing (the message has the command that trains them), or their settings differ.
    """
    found = {}
    for path in folder.glob("fold-*"):
        number = re.fullmatch(r"fold-(\d+)", path.name)
        if number and is_complete(path):
            found[int(number[1])] = path
    train = _train(folder.parent.name, folder.name)
    if not found:
        raise UserError(f"no fold of {folder} is complete; run `{train} fold=0..9`")
    n = _settings(found[min(found)])["n_folds"]
    missing = [fold for fold in range(n) if fold not in found]
    if missing and not partial:
        listed = ",".join(map(str, missing))
        size = "" if n == 10 else f" folds.n={n}"
        raise UserError(
            f"{folder} must have all folds 0 to {n - 1}, missing {some(map(str, missing), n)};"
            f" run `{train} fold={listed}{size}`"
        )
    runs = {fold: found[fold] for fold in sorted(found) if fold < n}
    first = next(iter(runs.values()))
    for run in runs.values():
        _require_same(_settings(run), _settings(first), _SETTINGS, run)
    return runs


def _settings(run: Path) -> dict[str, Any]:
    metrics = read_json(run / "metrics.json")
    missing = [key for key in _SETTINGS if key not in metrics and key not in _OPTIONAL]
    if missing:
        raise UserError(f"{run / 'metrics.json'} lacks {some(missing)}; remove it and train the fold again")
    wrong = [key for key, kind in _KINDS.items() if not _is_a(metrics.get(key), kind)]
    if wrong:
        raise UserError(f"{run / 'metrics.json'} has a damaged {some(wrong)}; remove it and train the fold again")
    return {key: metrics.get(key) for key in _SETTINGS}


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of type `kind`, or an object whose values are of the types that the mapping gives."""
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_is_a(value.get(key), each) for key, each in kind.items())
    return isinstance(value, kind) and not isinstance(value, bool)


def _require_same(settings: dict[str, Any], first: dict[str, Any], keys: tuple[str, ...], where: Path) -> None:
    """Refuse to combine results of different data or definitions."""
    keys_that_differ = differing({key: settings[key] for key in keys}, {key: first[key] for key in keys})
    if keys_that_differ:
        raise UserError(
            f"{where} differs from the first run in {where.parent}: {', '.join(keys_that_differ)};"
            " train one of them again under another name"
        )


def _read_external(ensemble: Path, runs: list[Path]) -> pd.DataFrame:
    path, n_folds = ensemble / "predictions.csv", len(runs)
    made_of = read_json(ensemble / "metrics.json").get("members")
    if made_of != [digest(read_json(run / "metrics.json")) for run in runs]:
        raise UserError(
            f"{ensemble} was made from other trainings than those in {ensemble.parent}; remove it and run it again"
        )
    members = [*map(str, range(n_folds)), "mean"]
    table = read_predictions(path, members)
    n_patients = table["patient"].nunique()
    missing = [member for member in members if (table["fold"] == member).sum() < n_patients]
    if missing:
        raise UserError(
            f"{path} must have every patient in each of the members 0 to {n_folds - 1} and in their mean,"
            f" missing in {some(missing)}; remove it and run the ensemble again"
        )
    again = table[table.duplicated(["fold", "patient"])]
    if len(again):
        raise UserError(f"{path} must hold a patient once per fold, repeated: {some(again['patient'])}")
    return table


def _require_patients_once(folds: pd.DataFrame, folder: Path, all_of_them: bool) -> None:
    """Over all folds, a patient is tested and validated at most once, and exactly once if no fold is missing."""
    patients = set(folds["patient"])
    for split, verb in (("test", "tested"), ("validation", "validated")):
        rows = folds.loc[folds["split"] == split, "patient"]
        rule = f"every patient of {folder} must be {verb} exactly once"
        way_out = "train the folds again under another name"
        if rows.duplicated().any():
            raise UserError(f"{rule}, repeated: {some(rows[rows.duplicated()])}; {way_out}")
        if all_of_them and patients - set(rows):
            raise UserError(f"{rule}, never {verb}: {some(patients - set(rows))}; {way_out}")


def _train(name: str, ablation: str = "full") -> str:
    return f"python -m stroke_ctp.train cohort=DIR name={name} ablation={ablation}"
