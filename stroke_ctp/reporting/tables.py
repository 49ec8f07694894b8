"""Tables that are written as CSV with full precision and shown with as many digits as they are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from stroke_ctp.statistics.estimate import Estimate, number_text, p_text


@dataclass(frozen=True)
class P:
    """A p-value, or the reason why there is none."""

    value: float | None
    reason: str = ""


Row = Mapping[str, Any]
"""Values by their heading: text, whole numbers, numbers, `Estimate`s, `P`s."""


@dataclass(frozen=True)
class Table:
    """Rows under a heading."""

    name: str
    """Of its file."""
    title: str
    caption: str
    """What the rows are, how they were made, what they mean."""
    rows: Sequence[Row]
    """All with the same headings."""

    @property
    def headings(self) -> list[str]:
        """As shown."""
        return list(self.rows[0]) if self.rows else []

    @property
    def numeric(self) -> set[str]:
        """Headings of the columns that are aligned as numbers."""
        return {h for h in self.headings if all(_is_number(row[h]) for row in self.rows)}

    def shown(self) -> list[list[str]]:
        """Text of every cell."""
        decimals = self._decimals()
        return [[_text(value, decimals[heading]) for heading, value in row.items()] for row in self.rows]

    def _decimals(self) -> dict[str, int]:
        """One in columns of large numbers; else two, or three in all if two would make a small number nothing."""
        numbers = {h: [abs(row[h]) for row in self.rows if isinstance(row[h], float)] for h in self.headings}
        large = {h for h, column in numbers.items() if column and median(column) >= 10}
        small = any(0 < number < 0.1 for h, column in numbers.items() if h not in large for number in column)
        return {h: 1 if h in large else 3 if small else 2 for h in self.headings}

    def frame(self) -> pd.DataFrame:
        """Numbers in full; an interval and the reason of what is undefined in columns of their own."""
        return pd.DataFrame([_flat(row) for row in self.rows]).convert_dtypes()

    def latex(self) -> str:
        """For a manuscript, with the rules of the package booktabs."""
        frame = pd.DataFrame(self.shown(), columns=self.headings).map(_latex).rename(columns=_latex)
        return frame.to_latex(index=False, caption=_latex(self.caption), label=f"tab:{self.name}", position="ht")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, P) and value.value is not None)


def _latex(text: str) -> str:
    for special in "&%$#_{}":
        text = text.replace(special, f"\\{special}")
    return text.replace("–", "--")


def _text(value: Any, decimals: int) -> str:
    if isinstance(value, Estimate):
        return value.text()
    if isinstance(value, P):
        return f"undefined: {value.reason}" if value.value is None else p_text(value.value)
    if isinstance(value, float):
        return number_text(value, decimals)
    return str(value)


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for heading, value in row.items():
        key = _key(heading)
        if isinstance(value, Estimate):
            flat |= {key: value.value, f"{key}_low": value.low, f"{key}_high": value.high}
            flat[f"{key}_note"] = value.reason
        elif isinstance(value, P):
            flat |= {key: value.value, f"{key}_note": value.reason}
        else:
            flat[key] = value
    return flat


def _key(heading: str) -> str:
    """`95 % limit [mL]` → `95_limit_ml`."""
    return "_".join("".join(c if c.isalnum() else " " for c in heading.lower()).split())
