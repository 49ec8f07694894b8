"""Reporting checklists: the run fills in what it knows, and the rest is marked for the author.

CLAIM: A. S. Tejani et al., Radiology: Artificial Intelligence 2024, 6, e240300. TRIPOD+AI: G. S. Collins et al., BMJ
2024, 385, e078378. The items keep their numbers but are in our own words; submit the published checklists.
"""

from collections.abc import Mapping
from importlib.resources import files

import pandas as pd

from stroke_ctp.reporting.tables.table import Row, Table

AUTHOR = "author"

_TITLES = {
    "claim_2024": ("CLAIM 2024", "Checklist for Artificial Intelligence in Medical Imaging, update of 2024"),
    "tripod_ai": ("TRIPOD+AI", "Reporting of clinical prediction models, 2024"),
}


def checklist_tables(known: Mapping[str, str]) -> list[Table]:
    """Both checklists as tables.

    Args:
        known: Answers of the run, by the names that the checklists use.
    """
    return [_table(name, known) for name in _TITLES]


def _table(name: str, known: Mapping[str, str]) -> Table:
    source = files("stroke_ctp.reporting").joinpath("checklists", f"{name}.csv")
    with source.open(encoding="utf-8") as file:
        items = pd.read_csv(file, dtype=str, keep_default_na=False)
    rows = [_row(item, asks, answer, known) for item, asks, answer in items.itertuples(index=False, name=None)]
    done = sum(row["Answer"] != AUTHOR for row in rows)
    title, subtitle = _TITLES[name]
    caption = f"{subtitle}; items in our own words. This run answers {done} of {len(rows)} items, at least in part."
    return Table(name, title, caption, rows, about_patients=False)


def _row(item: str, asks: str, answer: str, known: Mapping[str, str]) -> Row:
    return {"Item": item, "Asks for": asks, "Answer": answer.format_map(known) or AUTHOR}
