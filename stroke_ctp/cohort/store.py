"""A cohort on disk, to be read."""

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.cohort.cohort_folder import CohortDescription, CohortFolder
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.common.arrays import mapped_array
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.common.origin import ORIGIN, SIMULATED
from stroke_ctp.common.records import read_record
from stroke_ctp.common.text import printable

_WAY_OUT = "preprocess again"
_FILE_NAME = re.compile(r"[^/\\\x00]+\.npy")


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
        self._verified: set[str] = set()
        path = self.files.table
        if not path.exists() and not self.folder.is_file():
            raise UserError(
                f"{self.folder} holds no cohort (no {path.name}); make one with "
                f"`python -m stroke_ctp.preprocess manifest=FILE out={self.folder}`, "
                "or a simulated one in outputs/cohort with `make cohort`"
            )
        self.table = _read_table(path, empty={"core_ml": [""]})
        missing = {"patient", "series"} - set(self.table.columns)
        if missing:
            raise UserError(f"{path} has no column {', '.join(sorted(missing))}; {_WAY_OUT}")
        twice = self.table.loc[self.table["patient"].duplicated(), "patient"]
        if not twice.empty:
            raise UserError(f"{path} lists patient {printable(twice.iloc[0])} twice; {_WAY_OUT}")
        if self.table.empty:
            raise UserError(f"{path} lists no patient; {_WAY_OUT}")
        odd = next((name for name in self.table["series"] if not _FILE_NAME.fullmatch(name)), None)
        if odd is not None:
            raise UserError(f"series of {path} must be names of files in its folder series, got {odd!r}; {_WAY_OUT}")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def patients(self) -> list[str]:
        """Identifiers, one per included patient."""
        return self.table["patient"].tolist()

    @property
    def n_simulated(self) -> int:
        """Number of simulated patients."""
        return int((self.table[ORIGIN] == SIMULATED).sum()) if ORIGIN in self.table else 0

    @property
    def label_definitions(self) -> dict[str, int]:
        """Number of patients by how their core volume was obtained; empty text where the manifest does not say."""
        given = self.table["label_definition"] if "label_definition" in self.table else pd.Series([""] * len(self))
        return {str(definition): int(n) for definition, n in given.value_counts(sort=False).items()}

    @cached_property
    def description(self) -> CohortDescription:
        """Settings, versions, counts of patients, hash and digests, from when the cohort was made.

        Raises:
            UserError: It is missing or damaged.
        """
        return read_record(self.files.description, CohortDescription, _WAY_OUT)

    @property
    def rules(self) -> Rules:
        """How the series were made."""
        return self.description.settings

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the series when the cohort was made and of `cohort.csv` as it is now."""
        table = self.files.table.read_bytes()
        return hashlib.sha256(self.description.hash.encode() + table).hexdigest()

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

        Its digest is compared once with that of when it was made: 2 MB take a few milliseconds.

        Raises:
            UserError: The file is missing, cut short, of another shape, or was changed or exchanged.
        """
        name = str(self.table["series"].iloc[index])
        shown = self.files.series_path(name)
        array = mapped_array(self._root / shown, SERIES_SHAPE, np.float16, _WAY_OUT, shown=shown)
        if name not in self._verified:
            if file_digest(self._root / shown) != self.description.series.get(name):
                raise UserError(
                    f"{shown}, the series of patient {self.patients[index]}, is not the one that was made; {_WAY_OUT}"
                )
            self._verified.add(name)
        return array

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
                f"got {cell!r}; {_WAY_OUT}"
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


def _read_table(path: Path, empty: Any = ()) -> pd.DataFrame:
    """Read a table in which a patient may be called NA; `empty` as pandas takes `na_values`.

    Raises:
        UserError: The table is missing or damaged.
        OSError: It cannot be read, which says nothing about its content.
    """
    try:
        return pd.read_csv(path, dtype={"patient": str, "series": str}, keep_default_na=False, na_values=empty)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {_WAY_OUT}") from None
    except NotADirectoryError:
        file = next(parent for parent in path.parents if parent.is_file())
        raise UserError(f"{path} cannot be read: {file} is a file; give the folder of a cohort") from None
    except (ValueError, IsADirectoryError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}); {_WAY_OUT}") from None
