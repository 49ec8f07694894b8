"""The files of a cohort. Only this module names them."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.patient_records import PatientRecords
from stroke_ctp.common.arrays import write_array
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, file_digest, write_json
from stroke_ctp.common.locks import exclusive_lock
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.common.unfinished import remove_leftovers

Row = Mapping[str, Any]
"""A line of a table."""


_EXCLUDED_COLUMNS = ["patient", "stage", "reason"]


@dataclass(frozen=True, config=STRICT)
class InclusionCounts:
    """Numbers of patients for the flowchart."""

    patients: Annotated[int, Field(ge=0)]
    included: Annotated[int, Field(ge=0)]
    excluded: dict[str, int]
    """By stage."""


@dataclass(frozen=True, config=STRICT)
class CohortDescription:
    """Content of `cohort.json`, from when the cohort was made."""

    counts: InclusionCounts
    hash: str
    """SHA-256 of `cohort.csv` and of all series."""
    series: dict[str, str]
    """SHA-256 of every series, by file name."""
    settings: Rules = Rules()
    """How the series were made."""
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    """Of package, Python and libraries."""


@dataclasses.dataclass(frozen=True)
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

    def refuse_others(self, patients: Collection[str]) -> None:
        """Refuse to replace a cohort by one that shares no patient with it.

        Args:
            patients: Names of all patients of the manifest.

        Raises:
            UserError: The tables list patients, and none of these.
        """
        held = {*_patients_of(self.table), *_patients_of(self.excluded)}
        if held and held.isdisjoint(patients):
            raise UserError(
                f"{self.folder} holds a cohort of {len(held)} other patients; choose another out, or remove the folder"
            )

    def lock_tables(self) -> AbstractContextManager[bool]:
        """Wait until no other process writes tables or removes leftovers here."""
        return exclusive_lock(self.folder / ".tables.lock", wait=True)

    def invalidate(self) -> None:
        """Mark the cohort as incomplete, before a series or a table changes."""
        self.description.unlink(missing_ok=True)

    def write_tables(self, tables: CohortTables, digests: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Write all tables and, last, the description with the counts of patients and the hash of the cohort.

        Args:
            tables: Rows of the tables.
            digests: SHA-256 of every series, in the order of the included patients.
            settings: `settings` and `versions` of `CohortDescription`.

        Returns:
            Counts for the flowchart: patients, included, excluded by stage.
        """
        contents = {
            self.table: _csv(tables.included),
            self.quality: _csv(tables.quality),
            self.motion: _csv(tables.motion),
            self.excluded: _csv(tables.excluded, _EXCLUDED_COLUMNS),
        }
        if any(not path.exists() or path.read_text("utf-8") != text for path, text in contents.items()):
            self.invalidate()
        for path, text in contents.items():
            _write_text(path, text)
        series = {str(row["series"]): sha256 for row, sha256 in zip(tables.included, digests, strict=True)}
        content = hashlib.sha256(self.table.read_bytes() + "".join(digests).encode())
        stages = dict(Counter(row["stage"] for row in tables.excluded).most_common())
        included = len(tables.included)
        counts = {"patients": included + len(tables.excluded), "included": included, "excluded": stages}
        write_json(self.description, {**settings, "counts": counts, "hash": content.hexdigest(), "series": series})
        return counts

    def write_excluded(self, rows: Sequence[Row]) -> None:
        """Write `excluded.csv`."""
        _write_text(self.excluded, _csv(rows, _EXCLUDED_COLUMNS))

    def write_contact_sheet(self, page: str) -> None:
        """Write `contact_sheet.html`."""
        _write_text(self.contact_sheet, page)

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
            remove_leftovers(self.folder / folder)


def _csv(rows: Sequence[Row], columns: list[str] | None = None) -> str:
    return str(pd.DataFrame(list(rows), columns=columns).to_csv(index=False, lineterminator="\n"))


def _patients_of(table: Path) -> set[str]:
    """Patients that a table lists; none if it is not there or damaged, when it is made again."""
    try:
        return set(pd.read_csv(table, usecols=["patient"], dtype=str)["patient"].dropna())
    except (OSError, ValueError):
        return set()


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text, "utf-8", newline="")
