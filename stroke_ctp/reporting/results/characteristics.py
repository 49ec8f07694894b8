"""Characteristics of the patients of both cohorts, all and by class: the first table of a clinical article."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.origin import ORIGIN
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.study.audit.evidence import CohortEvidence

FEW_VALUES = 6
"""A column of numbers with more different values is summarized, or divided at its quartiles; others are counted."""
_KNOWN = {"patient", "series", "core_ml", "label_definition", ORIGIN, *(f"scan_{name}_ml" for name in DEFINITIONS)}
"""Columns of `cohort.csv` that have rows of their own, or identify a patient."""
_ACQUISITION = {
    "frame_interval_s": "Frame interval [s]",
    "frames_acquired": "Frames acquired",
    "bolus_arrival_s": "Arrival of the bolus [s]",
    "noise_sd_hu": "Noise, SD [HU]",
    "max_translation_mm": "Largest head motion [mm]",
    "max_rotation_deg": "Largest head rotation [°]",
    "frames_dropped": "Frames dropped for motion",
}
"""Columns of `quality.csv`, as readers call them."""


@dataclass(frozen=True)
class Summary:
    """One characteristic in one group of patients."""

    n: int
    """Patients in whom it is known."""
    total: int
    """Patients of the group."""
    quartiles: tuple[float, float, float] | None = None
    """Of a number; None of a share, and where it is known in nobody."""
    count: int | None = None
    """Patients who have it; None for a number."""


@dataclass(frozen=True)
class Characteristic:
    """One row of the table."""

    name: str
    group: str
    """The heading under which values of one column stand; empty for a row of its own."""
    summaries: Mapping[str, Summary]
    """By group of patients: `Training cohort`, `Training cohort, large` …; only cohorts that have the column."""


def characteristics(cohorts: Mapping[str, CohortEvidence], endpoint: Endpoint) -> list[Characteristic]:
    """Characteristics of the patients of the cohorts that are known, in the order of the table.

    Args:
        cohorts: By their name.
        endpoint: It divides the patients of each cohort into classes.
    """
    tables = {name: _table(cohort) for name, cohort in cohorts.items() if not cohort.unknown}
    groups = {group: rows for name, table in tables.items() for group, rows in _groups(name, table, endpoint)}
    everybody = pd.concat(tables.values(), ignore_index=True) if tables else pd.DataFrame()
    return [row for column, name in _columns(everybody).items() for row in _rows(column, name, everybody, groups)]


def _table(cohort: CohortEvidence) -> pd.DataFrame:
    """`cohort.csv` and `quality.csv` side by side."""
    quality = cohort.quality[[name for name in ("patient", *_ACQUISITION) if name in cohort.quality]]
    return cohort.patients.merge(quality, on="patient", how="left", suffixes=("", "_quality"))


def _groups(name: str, table: pd.DataFrame, endpoint: Endpoint) -> Iterator[tuple[str, pd.DataFrame]]:
    yield name, table
    if endpoint.column in table:
        large = pd.to_numeric(table[endpoint.column], errors="coerce") > endpoint.threshold
        yield f"{name}, large", table[large]
        yield f"{name}, small", table[~large]


def _columns(everybody: pd.DataFrame) -> dict[str, str]:
    """Columns in the order of the table, by what readers call them: carried ones, label, acquisition."""
    carried = {str(name): str(name) for name in everybody if name not in {*_KNOWN, *_ACQUISITION}}
    label = {"core_ml": "Core volume [mL]", "label_definition": "Label", ORIGIN: "Origin"}
    ours = {name: text for name, text in (label | _ACQUISITION).items() if name in everybody}
    return carried | ours


def _rows(
    column: str, name: str, everybody: pd.DataFrame, groups: Mapping[str, pd.DataFrame]
) -> Iterator[Characteristic]:
    """One row of a number, or one row per value of a column of few values."""
    having = {group: _cells(rows[column]) for group, rows in groups.items() if column in rows}
    cells = _cells(everybody[column])
    given = cells[cells != ""]
    numbers = pd.to_numeric(given, errors="coerce")
    is_number = len(given) > 0 and bool(numbers.notna().all())
    if is_number and (column in _ACQUISITION or given.nunique() > FEW_VALUES or column == "core_ml"):
        yield Characteristic(name, "", {group: _numbers(values) for group, values in having.items()})
    elif given.nunique() > FEW_VALUES:
        shares = {group: _given(values) for group, values in having.items()}
        yield Characteristic(f"{name} given ({given.nunique()} values)", "", shares)
    else:
        for value in sorted(given.unique()):
            yield Characteristic(value, name, {group: _share(one, one == value) for group, one in having.items()})


def _cells(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def _numbers(cells: pd.Series) -> Summary:
    values = pd.to_numeric(cells, errors="coerce").dropna().to_numpy(float)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else (np.nan,) * 3
    quartiles = (float(low), float(middle), float(high)) if len(values) else None
    return Summary(len(values), len(cells), quartiles)


def _given(cells: pd.Series) -> Summary:
    return Summary(len(cells), len(cells), count=int((cells != "").sum()))


def _share(cells: pd.Series, here: pd.Series) -> Summary:
    return Summary(int((cells != "").sum()), len(cells), count=int(here.sum()))
