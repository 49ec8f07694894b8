"""A table, written to CSV with full precision and shown with rounded numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from stroke_ctp.reporting.number_text import estimate_parts, number_text, p_text
from stroke_ctp.statistics.interval_estimates import Estimate, PValue

Row = Mapping[str, Any]
"""Values by their heading: text, text in parts that stay on one line each, numbers, `Estimate`s, `PValue`s."""


@dataclass(frozen=True)
class Table:
    """Rows of values under headings, with a title and a caption."""

    name: str
    """Name of its file."""
    title: str
    caption: str
    """What the rows are, how they were computed, what they mean."""
    rows: Sequence[Row]
    """All rows have the same headings."""
    about_patients: bool = True
    """Whether it holds results of patients, whose origin its caption then names."""
    apart: int = 0
    """Number of last rows that are not comparable with the others, and set apart."""

    @property
    def headings(self) -> list[str]:
        """Headings of the columns, as shown."""
        return list(self.rows[0]) if self.rows else []

    @property
    def numeric(self) -> set[str]:
        """Headings of the columns that hold nothing but numbers."""
        return {h for h in self.headings if all(_is_number(row[h]) for row in self.rows)}

    def shown(self) -> list[list[str]]:
        """Text of every cell."""
        return [[" ".join(parts) for parts in row] for row in self.shown_parts()]

    def shown_parts(self) -> list[list[tuple[str, ...]]]:
        """Text of every cell, in the parts that stay on one line each: a number and its interval."""
        decimals = self._decimals()
        return [[_parts(value, decimals[heading]) for heading, value in row.items()] for row in self.rows]

    def _decimals(self) -> dict[str, int]:
        """One decimal in columns of large numbers; else two, or three if the table has numbers below 0.1."""
        numbers = {h: [abs(row[h]) for row in self.rows if isinstance(row[h], float)] for h in self.headings}
        large = {h for h, column in numbers.items() if column and median(column) >= 10}
        small = any(0 < number < 0.1 for h, column in numbers.items() if h not in large for number in column)
        return {h: 1 if h in large else 3 if small else 2 for h in self.headings}

    def frame(self) -> pd.DataFrame:
        """The CSV: numbers in full; intervals, and reasons of undefined values, in columns of their own."""
        return pd.DataFrame([_flat(row) for row in self.rows]).convert_dtypes()

    def latex(self) -> str:
        """The table for a manuscript; needs the package booktabs."""
        frame = pd.DataFrame(self.shown(), columns=self.headings).map(_latex).rename(columns=_latex)
        text = frame.to_latex(index=False, caption=_latex(self.caption), label=f"tab:{self.name}", position="ht")
        if not self.apart:
            return text
        lines = text.splitlines(keepends=True)
        lines.insert(lines.index("\\bottomrule\n") - self.apart, "\\midrule\n")
        return "".join(lines)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, PValue) and value.value is not None)


def _latex(text: str) -> str:
    for special in "&%$#_{}":
        text = text.replace(special, f"\\{special}")
    return text.replace("–", "--")


def _parts(value: Any, decimals: int) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, Estimate):
        return estimate_parts(value)
    if isinstance(value, PValue):
        return (p_text(value),)
    return (number_text(value, decimals) if isinstance(value, float) else str(value),)


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for heading, value in row.items():
        key = _key(heading)
        if isinstance(value, Estimate):
            flat |= {key: value.value, f"{key}_low": value.low, f"{key}_high": value.high}
            flat[f"{key}_note"] = value.reason
        elif isinstance(value, PValue):
            flat |= {key: value.value, f"{key}_note": value.reason}
        else:
            flat[key] = " ".join(value) if isinstance(value, tuple) else value
    return flat


def _key(heading: str) -> str:
    """`95 % limit [mL]` → `95_limit_ml`."""
    return "_".join("".join(c if c.isalnum() else " " for c in heading.lower()).split())
