"""A cohort on disk. Only this module names its files."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.cohort.patient_records import PatientRecords
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import (
    atomic_write,
    exclusive_lock,
    file_digest,
    mapped_array,
    read_json,
    write_array,
    write_json,
)
from stroke_ctp.common.geometry import SERIES_SHAPE

Row = Mapping[str, Any]
"""A line of a table."""


@dataclass(frozen=True)
class CohortTables:
    """Rows of a cohort's tables; included ones need `patient` and `series`, excluded ones `stage` and `reason`."""

    included: Sequence[Row]
    excluded: Sequence[Row] = ()
    quality: Sequence[Row] = ()
    motion: Sequence[Row] = ()


class CohortFolder:
    """The files of a cohort that is being made.

    `cohort.json` is written last and removed first: a folder without it holds no complete cohort.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        names = ("cohort", "excluded", "quality", "motion")
        self.table, self.excluded, self.quality, self.motion = (self.folder / f"{name}.csv" for name in names)
        self.description = self.folder / "cohort.json"
        self.contact_sheet = self.folder / "contact_sheet.html"
        self.records = PatientRecords(self.folder / ".records")
        self.core_volumes = PatientRecords(self.folder / ".perfusion")

    @staticmethod
    def series_name(number: int) -> str:
        """File name of a patient's series."""
        return f"{number:05d}.npy"

    def series_path(self, name: str) -> Path:
        """Path of a series."""
        return self.folder / "series" / name

    def write_series(self, name: str, hu: Float[np.ndarray, "level time height width"]) -> str:
        """Write a series in half precision; its SHA-256."""
        with atomic_write(self.series_path(name)) as partial:
            write_array(partial, hu.shape, [hu], np.float16)
            return file_digest(partial)

    def lock_tables(self) -> AbstractContextManager[bool]:
        """Wait until no other process writes tables or removes leftovers here."""
        return exclusive_lock(self.folder / ".tables.lock", wait=True)

    def invalidate(self) -> None:
        """Mark the cohort as incomplete, before a series changes."""
        self.description.unlink(missing_ok=True)

    def write_tables(self, tables: CohortTables, digests: Iterable[str], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Write all tables and, last, the description with the counts of patients and the hash of the cohort.

        Args:
            tables: Rows of the tables.
            digests: SHA-256 of every series, in the order of the included patients.
            settings: Further content of `cohort.json`.

        Returns:
            Counts for the flowchart: patients, included, excluded by stage.
        """
        _write_table(self.table, tables.included)
        _write_table(self.quality, tables.quality)
        _write_table(self.motion, tables.motion)
        self.write_excluded(tables.excluded)
        content = hashlib.sha256(self.table.read_bytes() + "".join(digests).encode())
        stages = dict(Counter(row["stage"] for row in tables.excluded).most_common())
        included = len(tables.included)
        counts = {"patients": included + len(tables.excluded), "included": included, "excluded": stages}
        write_json(self.description, {**settings, "counts": counts, "hash": content.hexdigest()})
        return counts

    def write_excluded(self, rows: Sequence[Row]) -> None:
        """Write `excluded.csv`."""
        _write_table(self.excluded, rows, columns=["patient", "stage", "reason"])

    def write_contact_sheet(self, page: str) -> None:
        """Write `contact_sheet.html`."""
        with atomic_write(self.contact_sheet) as partial:
            partial.write_text(page, "utf-8")

    def remove_leftovers(self, numbers: Sequence[int], series: Iterable[str]) -> None:
        """Remove results of interrupted commands and earlier manifests.

        Args:
            numbers: All patients of the manifest.
            series: File names of the series of all included patients.
        """
        kept = {self.series_path(name) for name in series}
        for path in set(self.folder.glob("series/[0-9]*.npy")) - kept:
            path.unlink(missing_ok=True)
        for records in (self.records, self.core_volumes):
            records.remove_others(numbers)
        for folder in ("series", ".records", ".perfusion", "."):
            for path in self.folder.glob(f"{folder}/.partial-*"):
                path.unlink(missing_ok=True)


class Cohort:
    """Included patients, their standard series and their endpoints.

    A series is [HU], `[level, time, height, width]` = `[2, 32, 128, 128]` over 200 × 200 mm at 1.5 s; row 0 is
    anterior, column 0 the patient's right.

    Example:
        >>> from stroke_ctp import Cohort
        >>> cohort = Cohort("cohort")
        >>> len(cohort), cohort.patients
        (2, ['p0', 'p1'])
        >>> cohort.column("core_ml")
        array([12.5, 40. ])
        >>> cohort.series(0).shape
        (2, 32, 128, 128)
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a cohort.

        Raises:
            UserError: The folder holds no cohort, or a damaged one.
        """
        self.folder = Path(folder)
        self.files = CohortFolder(folder)
        self._root = Path.cwd()  # processes that read series may run in another directory
        path = self.files.table
        if not path.exists() and not self.folder.is_file():
            raise UserError(
                f"{self.folder} holds no cohort (no {path.name}); make one with "
                f"`python -m stroke_ctp.preprocess manifest=… out={self.folder}`"
            )
        self.table = _read_table(path, empty={"core_ml": [""]})
        missing = {"patient", "series"} - set(self.table.columns)
        if missing:
            raise UserError(f"{path} has no column {', '.join(sorted(missing))}; preprocess again")
        twice = self.table.loc[self.table["patient"].duplicated(), "patient"]
        if not twice.empty:
            raise UserError(f"{path} lists patient {twice.iloc[0]} twice; preprocess again")
        if self.table.empty:
            raise UserError(f"{path} lists no patient; preprocess again")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def patients(self) -> list[str]:
        """Identifiers, one per included patient."""
        return self.table["patient"].tolist()

    @cached_property
    def description(self) -> dict[str, Any]:
        """Settings, versions, counts of patients (for the flowchart) and hash, from when the cohort was made.

        Raises:
            UserError: It is missing or damaged.
        """
        path = self.files.description
        if not path.exists():
            raise UserError(f"{path} is missing; preprocess again")
        content = read_json(path)
        for key in ("counts", "hash"):
            if key not in content:
                raise UserError(f"{path} has no {key}; preprocess again")
        return content

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the series when the cohort was made and of `cohort.csv` as it is now."""
        table = self.files.table.read_bytes()
        return hashlib.sha256(str(self.description["hash"]).encode() + table).hexdigest()

    @property
    def excluded(self) -> pd.DataFrame:
        """Patients that could not be included, with stage and reason."""
        return _read_table(self.files.excluded)

    @property
    def quality(self) -> pd.DataFrame:
        """Quality of every series, one row per patient."""
        return _read_table(self.files.quality, empty=[""])

    @property
    def motion(self) -> pd.DataFrame:
        """Head motion, one row per patient, level and frame."""
        return _read_table(self.files.motion, empty=[""])

    @property
    def series_files(self) -> dict[str, Path]:
        """File of each patient's series."""
        return dict(zip(self.patients, map(self.files.series_path, self.table["series"]), strict=True))

    def series(self, index: int) -> Float[np.ndarray, "level time height width"]:
        """The standard series of the patient in row `index`, mapped from disk [HU].

        Raises:
            UserError: The file is missing, cut short or of another shape.
        """
        path = self.files.series_path(self.table["series"].iloc[index])
        return mapped_array(self._root / path, SERIES_SHAPE, "preprocess again", shown=path)

    def measurements(self, name: str) -> Float[np.ndarray, " patient"] | None:
        """A number per patient that was measured before, NaN for an empty cell; None if there is no such column.

        Raises:
            UserError: A cell holds text.
        """
        if name not in self.table.columns:
            return None
        cells = self.table[name]
        values = pd.to_numeric(cells, errors="coerce")
        text = values.isna() & cells.notna() & (cells != "")
        if text.any():
            patient, cell = self.table.loc[text, ["patient", name]].iloc[0]
            raise UserError(
                f"patient {patient} of {self.files.table} must have a number or nothing in {name}, "
                f"got {cell!r}; preprocess again"
            )
        return values.to_numpy(np.float64)

    def column(self, name: str) -> Float[np.ndarray, " patient"]:
        """An endpoint's values.

        Raises:
            UserError: The cohort has no such column, or a patient without a number in it.
        """
        if name not in self.table.columns:
            raise UserError(
                f"endpoint.column={name} is no column of {self.files.table}; it has {', '.join(self.table.columns)}"
            )
        values = pd.to_numeric(self.table[name], errors="coerce")
        if values.isna().any():
            patient = self.table.loc[values.isna(), "patient"].iloc[0]
            raise UserError(
                f"patient {patient} of {self.files.table} has no number in {name}; "
                f"complete the manifest and preprocess again, or choose another endpoint.column"
            )
        return values.to_numpy(np.float64)


def _write_table(path: Path, rows: Sequence[Row], columns: list[str] | None = None) -> None:
    with atomic_write(path) as partial:
        pd.DataFrame(list(rows), columns=columns).to_csv(partial, index=False, lineterminator="\n")


def _read_table(path: Path, empty: Any = ()) -> pd.DataFrame:
    """Read a table in which a patient may be called NA; `empty` as pandas takes `na_values`."""
    try:
        return pd.read_csv(path, dtype={"patient": str, "series": str}, keep_default_na=False, na_values=empty)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}); preprocess again") from None
