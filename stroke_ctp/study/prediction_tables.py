"""Read and validate one `predictions.csv`."""

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest, read_json

COLUMNS = ("patient", "fold", "split", "label", "core_ml", "probability")


def read_predictions(path: Path, folds: Collection[str]) -> pd.DataFrame:
    """Read one `predictions.csv`; `patient` and `fold` stay text, `label` becomes an integer.

    Args:
        path: The file.
        folds: Values that the column `fold` may have.

    Raises:
        UserError: A column is missing, or a value is out of range; the message names the file and the patient.
    """
    empty = {"core_ml": ["", "nan"], "probability": ["", "nan"], "label": ["", "nan"]}
    try:
        table = pd.read_csv(path, dtype={"patient": str, "fold": str}, keep_default_na=False, na_values=empty)
    except ValueError as error:
        raise UserError(f"{path} is not a table ({error}); remove it and run its command again") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise UserError(f"{path} must have the columns {', '.join(COLUMNS)}; {some(missing)} is missing")
    splits = ("external",) if path.parent.name == "ensemble" else ("validation", "test")
    probability = pd.to_numeric(table["probability"], errors="coerce")
    label = pd.to_numeric(table["label"], errors="coerce")
    _require(table["fold"].isin(folds), table, path, f"fold must be {_one_of(folds)}")
    _require(table["split"].isin(splits), table, path, f"split must be {_one_of(splits)}")
    _require(label.isin([0, 1]), table, path, "label must be 0 (small) or 1 (large)")
    _require(probability.between(0, 1), table, path, "probability must be a number from 0 to 1")
    return table.assign(probability=probability, label=label.astype(int))[list(COLUMNS)]


def is_sealed(run: Path) -> bool:
    """Whether the digest of the run's predictions was recorded when they were written.

    Raises:
        UserError: The digest was recorded, and the table no longer has it.
    """
    recorded = read_json(run / "metrics.json").get("predictions")
    if recorded is None:
        return False
    path = run / "predictions.csv"
    if file_digest(path) != recorded:
        raise UserError(f"{path} was changed after it was written; remove it and run its command again")
    return True


def _require(valid: pd.Series, table: pd.DataFrame, path: Path, rule: str) -> None:
    if not valid.all():
        row = table[~valid].iloc[0]
        got = row[rule.split()[0]]
        where = f"patient {row['patient']} in {path}"
        raise UserError(f"{rule}, got {got} ({where}); remove the file and run its command again")


def _one_of(values: Collection[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last


def some(values: Iterable[str], at_most: int = 5) -> str:
    """The first few of `values`, and how many more there are."""
    ordered = list(dict.fromkeys(values)) if not isinstance(values, set) else sorted(values)
    more = len(ordered) - at_most
    return ", ".join(ordered[:at_most]) + (f" and {more} more" if more > 0 else "")
