"""The predictions of a study, read from its folder and held to the contract on disk."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stroke_ctp.errors import UserError
from stroke_ctp.files import differing, digest, is_complete, read_json

COLUMNS = ("patient", "fold", "split", "label", "core_ml", "probability")
ARTICLE_ABLATIONS = ("full", "global", "local")
BASELINES = ("cbv", "rcbf")
_SETTINGS = ("n_folds", "endpoint", "encoder", "cohort")


@dataclass(frozen=True)
class Ablation:
    """Everything that one ablation predicted."""

    name: str
    folds: pd.DataFrame
    """Rows of the validation and test folds; `fold` and `label` are integers, label 1 is a large core."""
    external: pd.DataFrame | None
    """Rows of the external cohort, `fold` a member's number or `mean`; None if the ensemble was not run."""
    settings: dict[str, Any]
    """What the folds share of their metrics.json: n_folds, endpoint, cohort and, if there is one, encoder."""

    @property
    def n_folds(self) -> int:
        """Number of folds of the cross-validation."""
        return int(self.settings["n_folds"])

    @property
    def encoder(self) -> tuple[str, str]:
        """Name and hash of the encoder's weights; both empty for a baseline that has no encoder."""
        encoder = self.settings["encoder"] or {}
        return str(encoder.get("weights") or ""), str(encoder.get("sha256") or "")


@dataclass(frozen=True)
class Study:
    """The ablations that were run under one name: the article's, the baselines, then others by name."""

    name: str
    ablations: dict[str, Ablation]


def read_study(folder: Path) -> Study:
    """Read all ablations of `outputs/NAME`.

    Raises:
        UserError: Nothing was run, folds are missing, settings differ, or a table breaks the contract.
    """
    names = [path.parent.name for path in folder.glob("*/fold-*") if path.is_dir()]
    if not names:
        raise UserError(f"nothing was run in {folder}; run `{_train(folder.name)} fold=0..9`")
    first = [*ARTICLE_ABLATIONS, *BASELINES]
    ordered = [name for name in first if name in names] + sorted(set(names) - set(first))
    study = Study(folder.name, {name: read_ablation(folder / name) for name in ordered})
    one, *others = study.ablations.values()
    for other in others:
        # The encoder may differ: the baseline has none.
        _require_same(other.settings, one.settings, ("n_folds", "endpoint", "cohort"), folder / other.name)
    return study


def read_ablation(folder: Path) -> Ablation:
    """Read and validate the tables of `outputs/NAME/ABLATION`.

    Raises:
        UserError: Folds are missing, settings differ between them, or a table breaks the contract.
    """
    runs = complete_runs(folder)
    tables = [read_predictions(run / "predictions.csv", (str(fold),)) for fold, run in enumerate(runs)]
    folds = pd.concat(tables, ignore_index=True).astype({"fold": int})
    _require_all_patients_once(folds, folder)
    ensemble = folder / "ensemble"
    external = _read_external(ensemble, runs) if is_complete(ensemble) else None
    return Ablation(folder.name, folds, external, _settings(runs[0]))


def read_predictions(path: Path, folds: Collection[str]) -> pd.DataFrame:
    """Read one `predictions.csv`; `patient` and `fold` stay text, `label` becomes an integer.

    Args:
        path: The file.
        folds: Values that its column `fold` may have.

    Raises:
        UserError: A column is missing or a value outside its range; names the file and the patient.
    """
    empty = {"core_ml": ["", "nan"], "probability": ["", "nan"], "label": ["", "nan"]}
    try:
        table = pd.read_csv(path, dtype={"patient": str, "fold": str}, keep_default_na=False, na_values=empty)
    except ValueError as error:
        raise UserError(f"{path} is not a table ({error}); remove it and run its command again") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise UserError(f"{path} must have the columns {', '.join(COLUMNS)}; {_some(missing)} is missing")
    splits = ("external",) if path.parent.name == "ensemble" else ("validation", "test")
    probability = pd.to_numeric(table["probability"], errors="coerce")
    label = pd.to_numeric(table["label"], errors="coerce")
    _require(table["fold"].isin(folds), table, path, f"fold must be {_one_of(folds)}")
    _require(table["split"].isin(splits), table, path, f"split must be {_one_of(splits)}")
    _require(label.isin([0, 1]), table, path, "label must be 0 (small) or 1 (large)")
    _require(probability.between(0, 1), table, path, "probability must be a number from 0 to 1")
    return table.assign(probability=probability, label=label.astype(int))[list(COLUMNS)]


def complete_runs(folder: Path) -> list[Path]:
    """Folders of the folds 0 … n−1 of `outputs/NAME/ABLATION`.

    Raises:
        UserError: Folds are missing, with the command that trains them, or settings differ between them.
    """
    found = {}
    for path in folder.glob("fold-*"):
        number = re.fullmatch(r"fold-(\d+)", path.name)
        if number and is_complete(path):
            found[int(number[1])] = path
    train = _train(folder.parent.name, folder.name)
    if not found:
        raise UserError(f"no fold of {folder} is complete; run `{train} fold=0..9`")
    n = int(_settings(found[min(found)])["n_folds"])
    missing = [fold for fold in range(n) if fold not in found]
    if missing:
        listed = ",".join(map(str, missing))
        size = "" if n == 10 else f" folds.n={n}"
        raise UserError(
            f"{folder} must have all folds 0 to {n - 1}, missing {_some(map(str, missing), n)};"
            f" run `{train} fold={listed}{size}`"
        )
    runs = [found[fold] for fold in range(n)]
    for run in runs[1:]:
        _require_same(_settings(run), _settings(runs[0]), _SETTINGS, run)
    return runs


def _settings(run: Path) -> dict[str, Any]:
    metrics = read_json(run / "metrics.json")
    missing = [key for key in _SETTINGS if key not in metrics and key != "encoder"]
    if missing:
        raise UserError(f"{run / 'metrics.json'} lacks {_some(missing)}; remove it and train the fold again")
    return {key: metrics.get(key) for key in _SETTINGS}


def _require_same(settings: dict[str, Any], first: dict[str, Any], keys: tuple[str, ...], where: Path) -> None:
    """Numbers of different data or definitions must not stand in one table."""
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
        raise UserError(f"{ensemble} was made of other trainings than those beside it; remove it and run it again")
    members = [*map(str, range(n_folds)), "mean"]
    table = read_predictions(path, members)
    n_patients = table["patient"].nunique()
    missing = [member for member in members if (table["fold"] == member).sum() < n_patients]
    if missing:
        raise UserError(
            f"{path} must have every patient in each of the members 0 to {n_folds - 1} and in their mean,"
            f" missing in {_some(missing)}; remove it and run the ensemble again"
        )
    again = table[table.duplicated(["fold", "patient"])]
    if len(again):
        raise UserError(f"{path} must hold a patient once per fold, repeated: {_some(again['patient'])}")
    return table


def _require_all_patients_once(folds: pd.DataFrame, folder: Path) -> None:
    """Each patient is tested exactly once and validated exactly once over all folds."""
    patients = set(folds["patient"])
    for split, verb in (("test", "tested"), ("validation", "validated")):
        rows = folds.loc[folds["split"] == split, "patient"]
        rule = f"every patient of {folder} must be {verb} exactly once"
        way_out = "train the folds again under another name"
        if rows.duplicated().any():
            raise UserError(f"{rule}, repeated: {_some(rows[rows.duplicated()])}; {way_out}")
        if patients - set(rows):
            raise UserError(f"{rule}, never {verb}: {_some(patients - set(rows))}; {way_out}")


def _require(valid: pd.Series, table: pd.DataFrame, path: Path, rule: str) -> None:
    if not valid.all():
        row = table[~valid].iloc[0]
        got = row[rule.split()[0]]
        where = f"patient {row['patient']} in {path}"
        raise UserError(f"{rule}, got {got} ({where}); remove the file and run its command again")


def _train(name: str, ablation: str = "full") -> str:
    return f"python -m stroke_ctp.train cohort=DIR name={name} ablation={ablation}"


def _one_of(values: Collection[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def _some(values: Iterable[str], at_most: int = 5) -> str:
    """The first few of `values`, and how many more there are."""
    ordered = list(dict.fromkeys(values)) if not isinstance(values, set) else sorted(values)
    more = len(ordered) - at_most
    return ", ".join(ordered[:at_most]) + (f" and {more} more" if more > 0 else "")
