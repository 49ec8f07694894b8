"""Reporting checklists with what the run knows filled in, the rest marked for the author.

CLAIM: A. S. Tejani et al., Radiology: Artificial Intelligence 2024, 6, e240300. TRIPOD+AI: G. S. Collins et al., BMJ
2024, 385, e078378. Items in our own words, by their numbers; the published checklists are what to submit.
"""

from collections.abc import Mapping
from importlib.resources import files

import pandas as pd

from stroke_ctp.reporting.tables import Row, Table

AUTHOR = "author"

_TITLES = {
    "claim_2024": ("CLAIM 2024", "Checklist for Artificial Intelligence in Medical Imaging, update of 2024"),
    "tripod_ai": ("TRIPOD+AI", "Reporting of clinical prediction models, 2024"),
}


def checklist_tables(known: Mapping[str, str]) -> list[Table]:
    """Both checklists.

    Args:
        known: What the run knows, by the names that the answers use.
    """
    return [_table(name, known) for name in _TITLES]


def _table(name: str, known: Mapping[str, str]) -> Table:
    source = files("stroke_ctp.reporting").joinpath("checklists", f"{name}.csv")
    with source.open(encoding="utf-8") as file:
        items = pd.read_csv(file, dtype=str, keep_default_na=False)
    rows = [_row(item, asks, answer, known) for item, asks, answer in items.itertuples(index=False, name=None)]
    done = sum(row["Answer"] != AUTHOR for row in rows)
    title, subtitle = _TITLES[name]
    caption = f"{subtitle}; items in our own words. {done} of {len(rows)} are answered by this run, at least in part."
    return Table(name, title, caption, rows)


def _row(item: str, asks: str, answer: str, known: Mapping[str, str]) -> Row:
    return {"Item": item, "Asks for": asks, "Answer": answer.format_map(known) or AUTHOR}
