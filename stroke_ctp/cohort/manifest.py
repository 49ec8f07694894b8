"""The manifest: scans by patient, with their levels and labels."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.origin import ORIGIN, ORIGINS
from stroke_ctp.common.text import one_of, printable

_REQUIRED = ("scan", "patient")
_MADE = "series"
"""Column of `cohort.csv` that a manifest must not have."""
_NO_COMMAS = {";": "semicolons", "\t": "tabs"}
"""Column separators of spreadsheets in locales with a decimal comma."""
_OF_SCAN = (*_REQUIRED, *LEVELS, "core_ml", "core_mask", "frame_interval_s")
"""Columns of one scan; the value of any other is that of the patient."""
COLUMNS = (*_OF_SCAN, "label_definition", ORIGIN)
"""All columns with a meaning; others are copied to `cohort.csv`, and so is `origin` where it is given."""


@dataclass(frozen=True)
class ManifestRow:
    """One scan, paths as written in the manifest."""

    scan: str
    levels: dict[str, int]
    """File index of the slice of each level in this scan."""
    core_ml: float | None
    core_mask: str | None
    frame_interval_s: float | None

    @property
    def scan_name(self) -> str:
        """File name for messages: whole paths can name people."""
        return Path(self.scan).name


@dataclass(frozen=True)
class ManifestPatient:
    """All scans of one patient."""

    number: int
    """Position among the manifest's patients, from 1."""
    patient: str
    folder: Path
    """Folder of the manifest; paths are relative to it."""
    rows: tuple[ManifestRow, ...]
    label_definition: str
    carried: dict[str, str]
    """Further columns, of the patient: rows may leave them empty, but do not differ."""

    def scans(self) -> list[Path]:
        """Files or folders of the scans."""
        return [self.folder / row.scan for row in self.rows]

    def masks(self) -> list[Path]:
        """Files of the core masks."""
        return [self.folder / row.core_mask for row in self.rows if row.core_mask]


def read_manifest(path: str | Path, levels_required: bool = True) -> list[ManifestPatient]:
    """Read a manifest.

    Args:
        path: CSV file with a header line.
        levels_required: Whether the columns of the levels are required.

    Returns:
        Patients in the order in which the manifest first names them.

    Raises:
        UserError: The manifest is missing or unreadable, a column is missing, a value is invalid, or a patient has a
            level twice or two values of what belongs to the patient.

    Example:
        >>> from stroke_ctp import read_manifest
        >>> patients = read_manifest("manifest.csv")
        >>> patients[0].patient, patients[0].rows[0].levels
        ('A', {'basal_ganglia': 0, 'supraganglionic': 2})
    """
    path = Path(path)
    table = _read_table(path)
    required = (*_REQUIRED, *LEVELS) if levels_required else _REQUIRED
    _require_columns(table, required, path)
    if table.empty:
        raise UserError(f"{path} has no rows; add one per scan")
    if _MADE in table.columns:
        raise UserError(f"{path} has a column {_MADE}, which cohorts reserve; rename it")
    groups = table.groupby("patient", sort=False)
    return [_patient(number, str(name), rows, path) for number, (name, rows) in enumerate(groups, start=1)]


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"there is no manifest {path}; give the path of a CSV file with manifest=…")
    try:
        text = path.read_text("utf-8-sig")
        _require_commas(text.partition("\n")[0], path)
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):  # too many cells
            table = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, index_col=False)
            header = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, header=None, nrows=1)
    except (ValueError, pd.errors.ParserWarning) as error:  # parser and encoding errors are ValueErrors
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as CSV in UTF-8: {reason}; save it as such") from error
    _require_each_column_once(header.iloc[0].str.strip(), path)
    table.columns = table.columns.str.strip()
    # short lines have empty last cells; spreadsheets write empty lines and columns
    table = table.fillna("").apply(lambda column: column.str.strip())
    filled = table.loc[(table != "").any(axis=1)]
    return filled.drop(columns=[name for name in table if name.startswith("Unnamed: ") and not filled[name].any()])


def _require_commas(header: str, path: Path) -> None:
    other = next((name for sign, name in _NO_COMMAS.items() if sign in header and "," not in header), None)
    if other:
        raise UserError(
            f"columns of {path} must be separated by commas, got {other}; save it with commas and 1.5 as 1.5"
        )


def _require_each_column_once(names: pd.Series, path: Path) -> None:
    """Refuse a column that is given twice, of which pandas would rename the second."""
    twice = names[names.duplicated() & (names != "")]
    if not twice.empty:
        raise UserError(f"columns of {path} must have different names, got {twice.iloc[0]!r} twice; remove one")


def _require_columns(table: pd.DataFrame, required: Sequence[str], path: Path) -> None:
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} must have the columns {', '.join(required)}; {', '.join(missing)} missing, "
            f"found {printable(', '.join(table.columns))}"
        )


def _require_once(what: str, files: Sequence[str | None], name: str, path: Path) -> None:
    """Refuse a file in two rows of a patient: it would count twice."""
    twice = next((file for file in files if file and files.count(file) > 1), None)
    if twice:
        raise UserError(
            f"{what} must be given once per patient, patient {printable(name)} has {printable(twice)} in several rows "
            f"of {path}; write one row per scan, with both levels"
        )


def _patient(number: int, name: str, table: pd.DataFrame, path: Path) -> ManifestPatient:
    rows = []
    for index, record in zip(table.index, table.to_dict("records"), strict=True):
        rows.append(_row({str(key): value for key, value in record.items()}, f"line {index + 2} of {path}"))
    for level in LEVELS:
        if sum(level in row.levels for row in rows) > 1:
            raise UserError(
                f"{level} must be given once per patient, patient {printable(name)} has it in "
                f"{sum(level in row.levels for row in rows)} rows of {path}; leave all but one empty"
            )
    _require_once("scan", [row.scan for row in rows], name, path)
    _require_once("core_mask", [row.core_mask for row in rows], name, path)
    whole = {
        column: _of_patient(table, column, name, path) for column in map(str, table.columns) if column not in _OF_SCAN
    }
    label_definition = whole.pop("label_definition", "")
    carried = {column: value for column, value in whole.items() if column != ORIGIN or value}
    return ManifestPatient(number, name, path.parent, tuple(rows), label_definition, carried)


def _of_patient(table: pd.DataFrame, column: str, name: str, path: Path) -> str:
    """The one value of a patient's rows; empty if all are."""
    values = list(dict.fromkeys(value for value in table[column] if value))
    if len(values) > 1:
        raise UserError(
            f"{printable(column)} must be the same in all rows of a patient, patient {printable(name)} has "
            f"{printable(values[0])} and {printable(values[1])} in {path}; write what holds for the patient"
        )
    return values[0] if values else ""


def _row(record: dict[str, str], where: str) -> ManifestRow:
    for column in ("scan", "patient"):
        if not record[column]:
            raise UserError(f"{column} must not be empty ({where}); fill it in or remove the line")
    levels = {level: _number(record, level, where) for level in LEVELS}
    if levels[LEVELS[0]] is not None and levels[LEVELS[0]] == levels[LEVELS[1]]:
        raise UserError(f"{' and '.join(LEVELS)} must be two slices, got {levels[LEVELS[0]]:g} for both ({where})")
    interval = _number(record, "frame_interval_s", where)
    if interval is not None and interval <= 0:
        raise UserError(f"frame_interval_s must be > 0 s, got {interval:g} ({where})")
    origin = record.get(ORIGIN, "")
    if origin and origin not in ORIGINS:
        raise UserError(f"{ORIGIN} must be {one_of(ORIGINS)} or empty, got {origin!r} ({where})")
    core_ml = _number(record, "core_ml", where)
    if core_ml is not None and core_ml < 0:
        raise UserError(f"core_ml must be ≥ 0 mL, got {core_ml:g} ({where})")
    return ManifestRow(
        record["scan"],
        {level: _whole(index, level, where) for level, index in levels.items() if index is not None},
        core_ml,
        record.get("core_mask") or None,
        interval,
    )


def _number(record: dict[str, str], column: str, where: str) -> float | None:
    """The value of a cell; None if empty or absent."""
    text = record.get(column, "")
    if not text:
        return None
    try:
        value = float(text) if text.isascii() and "_" not in text else float("nan")  # which Python takes for digits
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UserError(f"{column} must be a number with a decimal point or empty, got {text!r} ({where})")
    return value


def _whole(index: float, level: str, where: str) -> int:
    if not index.is_integer():
        raise UserError(f"{level} must be the number of a slice, counted from 0, got {index:g} ({where})")
    return int(index)
