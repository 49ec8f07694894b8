"""How many scans are reliable, and why the others are not, for a terminal."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stroke_ctp.common.text import TERMINAL_WIDTH
from stroke_ctp.hemodynamics.reliability import LEVELS

_SHOWN = 12
"""Scans whose reasons are printed; the table has all."""


def reliability_text(rows: Sequence[Mapping[str, Any]], table: str, prefix: str = "") -> str:
    """Counts of each level, and the reasons of those that are not `ok`, the worst first.

    Args:
        rows: Of `volumes.csv`.
        table: Its name.
        prefix: Of the columns `reliability` and `reason`.
    """
    level_of, reason_of = f"{prefix}reliability", f"{prefix}reason"
    counts = Counter(row[level_of] for row in rows)
    lines = [f"{level_of.replace('_', ' ')}: " + ", ".join(f"{counts[level]} {level}" for level in LEVELS)]
    doubtful = [row for level in reversed(LEVELS[1:]) for row in rows if row[level_of] == level]
    scans = Counter(row["patient"] for row in rows)
    for row in doubtful[:_SHOWN]:
        name = f"{row['patient']}, {row['scan']}" if scans[row["patient"]] > 1 else row["patient"] or row["scan"]
        text = f"{name}: {row[level_of]}: {row[reason_of]}"
        lines.append(textwrap.fill(text, TERMINAL_WIDTH, initial_indent="  ", subsequent_indent="    "))
    if len(doubtful) > _SHOWN:
        lines.append(f"  and {len(doubtful) - _SHOWN} more ({table}, column {reason_of})")
    return "\n".join(lines)
