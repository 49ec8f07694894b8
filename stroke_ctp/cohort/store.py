"""A cohort on disk, as `python -m stroke_ctp.preprocess` writes it."""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import mapped_array, read_json

SERIES_SHAPE = (2, 32, 128, 128)
"""Level, time, height, width of a standard series."""


class Cohort:
    """Included patients, their standard series and their endpoints.

    A series is [HU], `[level, time, height, width]` = `[2, 32, 128, 128]` over 200 × 200 mm at 1.5 s; row 0 is
    anterior, column 0 the patient's right.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a cohort.

        Raises:
            UserError: The folder holds no cohort, or a damaged one.
        """
        self.folder = Path(folder)
        self._root = self.folder.absolute()  # processes that read series may run in another directory
        try:
            # A patient may be called NA.
            self.table = pd.read_csv(
                self.folder / "cohort.csv",
                dtype={"patient": str, "series": str},
                keep_default_na=False,
                na_values={"core_ml": [""]},
            )
        except FileNotFoundError:
            raise UserError(
                f"{self.folder} holds no cohort (no cohort.csv); make one with "
                f"`python -m stroke_ctp.preprocess manifest=… out={self.folder}`"
            ) from None
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{self.folder / 'cohort.csv'} cannot be read ({reason}); preprocess again") from None
        missing = {"patient", "series"} - set(self.table.columns)
        if missing:
            raise UserError(
                f"{self.folder / 'cohort.csv'} has no column {', '.join(sorted(missing))}; preprocess again"
            )
        if self.table["patient"].duplicated().any():
            twice = self.table.loc[self.table["patient"].duplicated(), "patient"].iloc[0]
            raise UserError(f"{self.folder / 'cohort.csv'} lists patient {twice} twice; preprocess again")
        if self.table.empty:
            raise UserError(f"{self.folder / 'cohort.csv'} lists no patient")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def patients(self) -> list[str]:
        """Identifiers, one per included patient."""
        return self.table["patient"].tolist()

    @cached_property
    def hash(self) -> str:
        """Of the series, from when the cohort was made, and of the table as it stands now."""
        description = self.folder / "cohort.json"
        if not description.exists():
            raise UserError(f"{description} is missing; preprocess again")
        content = read_json(description)
        if "hash" not in content:
            raise UserError(f"{description} has no hash; preprocess again")
        table = (self.folder / "cohort.csv").read_bytes()
        return hashlib.sha256(str(content["hash"]).encode() + table).hexdigest()

    def series(self, index: int) -> Float[np.ndarray, "level time height width"]:
        """The standard series of the patient in row `index`, mapped from disk [HU].

        Raises:
            UserError: The file is missing, cut short or of another shape.
        """
        path = Path("series") / self.table["series"].iloc[index]
        return mapped_array(self._root / path, SERIES_SHAPE, "preprocess again", shown=self.folder / path)

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
                f"patient {patient} of {self.folder / 'cohort.csv'} must have a number or nothing in {name}, "
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
                f"endpoint.column={name} is no column of {self.folder / 'cohort.csv'}; it has "
                f"{', '.join(self.table.columns)}"
            )
        values = pd.to_numeric(self.table[name], errors="coerce")
        if values.isna().any():
            patient = self.table.loc[values.isna(), "patient"].iloc[0]
            raise UserError(
                f"patient {patient} of {self.folder / 'cohort.csv'} has no number in {name}; "
                f"complete the manifest and preprocess again, or choose another endpoint.column"
            )
        return values.to_numpy(np.float64)
