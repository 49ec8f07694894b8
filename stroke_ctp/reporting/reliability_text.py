"""How many scans are reliable, and why the others are not, for a terminal."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stroke_ctp.common.text import TERMINAL_WIDTH
from stroke_ctp.hemodynamics.reliability import LEVELS

_SHOWN = 12
"""Scans whose reasons are printed; the table has all."""


def reliability_text(rows: Sequence[Mapping[str, Any]], table: str) -> str:
    """Counts of each level, and the reasons of those that are not `ok`, the worst first.

    Args:
        rows: Of `volumes.csv`.
        table: Its name.
    """
    counts = Counter(row["reliability"] for row in rows)
    lines = ["reliability: " + ", ".join(f"{counts[level]} {level}" for level in LEVELS)]
    doubtful = [row for level in reversed(LEVELS[1:]) for row in rows if row["reliability"] == level]
    for row in doubtful[:_SHOWN]:
        text = f"{row['patient'] or row['scan']}: {row['reliability']}: {row['reason']}"
        lines.append(textwrap.fill(text, TERMINAL_WIDTH, initial_indent="  ", subsequent_indent="    "))
    if len(doubtful) > _SHOWN:
        lines.append(f"  and {len(doubtful) - _SHOWN} more ({table}, column reason)")
    return "\n".join(lines)
