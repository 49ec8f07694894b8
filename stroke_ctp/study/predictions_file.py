"""The table in which every prediction is kept: written by runs and ensembles, read and checked by everything else."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, file_digest
from stroke_ctp.common.text import one_of, some
from stroke_ctp.statistics.auc import roc_auc

COLUMNS = ("patient", "fold", "split", "label", "core_ml", "probability")
VOLUME_COLUMNS = ("predicted_ml", "low_ml", "high_ml")
"""Predicted core volume and its 90 % interval [mL]; of models that predict volumes."""


def predictions_table(
    cohort: Cohort,
    labels: Int[np.ndarray, " patient"],
    rows: Int[np.ndarray, " row"],
    probability: Float[np.ndarray, " row"],
    split: str | Sequence[str],
    fold: int | str,
    volumes: Float[np.ndarray, "row 3"] | None = None,
) -> pd.DataFrame:
    """Rows of the table.

    Args:
        cohort: The patients.
        labels: Class of each of them.
        rows: Which of them were scored.
        probability: Of a large core.
        split: validation, test or external; one for all rows, or one for each.
        fold: Number of the fold, or `mean` for an ensemble.
        volumes: Predicted core volumes and their intervals [mL].

    Raises:
        UserError: A probability is not finite: the training diverged.
    """
    if not np.isfinite(probability).all():
        raise UserError(f"fold {fold}: the training diverged; choose another name and a lower learning_rate")
    patients = cohort.table.iloc[rows]
    predicted = {} if volumes is None else dict(zip(VOLUME_COLUMNS, volumes.T, strict=True))
    return pd.DataFrame(
        {
            "patient": patients["patient"].to_numpy(),
            "fold": fold,
            "split": split,
            "label": labels[rows],
            "core_ml": patients["core_ml"].to_numpy() if "core_ml" in patients else np.nan,
            "probability": probability,
            **predicted,
        }
    )


def auc_of(rows: pd.DataFrame) -> float | None:
    """ROC-AUC of some rows; None where a class is missing."""
    return roc_auc(rows["label"].to_numpy(int), rows["probability"].to_numpy(float)).value


def write_predictions(path: Path, table: pd.DataFrame) -> str:
    """Write a table; its SHA-256."""
    with atomic_write(path) as partial:
        table.to_csv(partial, index=False)
    return file_digest(path)


def read_predictions(path: Path, digest: str, folds: Collection[str], splits: Collection[str]) -> pd.DataFrame:
    """Read a table, with volumes if it has any; `patient` and `fold` are text, `label` is an integer.

    Args:
        path: Of the file.
        digest: SHA-256 that was recorded when the file was written.
        folds: Values that its column `fold` may have.
        splits: Values that its column `split` may have.

    Raises:
        UserError: The file was changed, a column is missing, or a value is out of range; names file and patient.
    """
    if not path.exists() or file_digest(path) != digest:
        raise UserError(f"{path} was changed after it was written; remove it and run its command again")
    empty = {"core_ml": ["", "nan"], "probability": ["", "nan"], "label": ["", "nan"]}
    try:
        table = pd.read_csv(path, dtype={"patient": str, "fold": str}, keep_default_na=False, na_values=empty)
    except ValueError as error:
        raise UserError(f"{path} is not a table ({error}); remove it and run its command again") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise UserError(f"{path} must have the columns {', '.join(COLUMNS)}; {some(missing)} is missing")
    probability = pd.to_numeric(table["probability"], errors="coerce")
    label = pd.to_numeric(table["label"], errors="coerce")
    _require(table["fold"].isin(folds), table, path, "fold", f"must be {one_of(folds)}")
    _require(table["split"].isin(splits), table, path, "split", f"must be {one_of(splits)}")
    _require(label.isin([0, 1]), table, path, "label", "must be 0 (small) or 1 (large)")
    _require(probability.between(0, 1), table, path, "probability", "must be a number from 0 to 1")
    columns = [*COLUMNS, *(column for column in VOLUME_COLUMNS if column in table)]
    return table.assign(probability=probability, label=label.astype(int))[columns]


def _require(valid: pd.Series, table: pd.DataFrame, path: Path, column: str, rule: str) -> None:
    if not valid.all():
        row = table[~valid].iloc[0]
        where = f"patient {row['patient']} in {path}"
        raise UserError(f"{column} {rule}, got {row[column]} ({where}); remove the file and run its command again")
