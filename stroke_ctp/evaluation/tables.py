"""Tables that are written as CSV with full precision and shown with as many digits as they are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stroke_ctp.evaluation.estimate import Estimate, number_text, p_text


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
        return {h for h in self.headings if all(isinstance(row[h], int | float | P) for row in self.rows)}

    def shown(self) -> list[list[str]]:
        """Text of every cell."""
        decimals = {heading: self._decimals(heading) for heading in self.headings}
        return [[_text(value, decimals[heading]) for heading, value in row.items()] for row in self.rows]

    def _decimals(self, heading: str) -> int:
        """Three where two would make a small number of the column nothing."""
        numbers = [row[heading] for row in self.rows if isinstance(row[heading], float)]
        return 3 if any(abs(number) < 0.1 for number in numbers) else 2

    def frame(self) -> pd.DataFrame:
        """Numbers in full; an interval and the reason of what is undefined in columns of their own."""
        return pd.DataFrame([_flat(row) for row in self.rows]).convert_dtypes()

    def latex(self) -> str:
        """For a manuscript, with the rules of the package booktabs."""
        frame = pd.DataFrame(self.shown(), columns=self.headings).map(_latex).rename(columns=_latex)
        return frame.to_latex(index=False, caption=_latex(self.caption), label=f"tab:{self.name}", position="ht")


def rows_of(frame: pd.DataFrame, patients: str) -> list[Row]:
    """Rows of a table whose columns are the frame's, after one that says whose numbers they are."""
    columns = [str(column) for column in frame.columns]
    return [
        {"Patients": patients, **dict(zip(columns, row, strict=True))}
        for row in frame.itertuples(index=False, name=None)
    ]


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
