"""Tables as plain text that fits a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from stroke_ctp.reporting.article import ARTICLE, OURS, Cell, encoder_text, endpoint_text, table1, table2
from stroke_ctp.study.predictions import Study

WIDTH = 80
"""Columns of a terminal."""

CAPTION_1 = (
    "Table 1. Mean (SD) ROC-AUC of the full model over validation folds and test folds, and ROC-AUC of the "
    "ensemble mean on the independent test cohort."
)
CAPTION_2 = "Table 2. Mean (SD) ROC-AUC over the test folds: full model, reduced models, conventional core."
_CALIBRATED = {"cbv", "cbv_scan"}
_SHARED_SOURCE = (
    "CBV cores are calibrated: the healthy hemisphere is set to 2.7 mL/100 mL, from the publication that simulated "
    "patients take their tissue from; on those patients this favours them over other models."
)


def report_text(study: Study) -> str:
    """Both tables and where their numbers come from, at most 80 columns wide."""
    parts = [_table(CAPTION_1, table1(study), counts=True), _table(CAPTION_2, table2(study))]
    return "\n\n".join([*parts, provenance(study)])


def provenance(study: Study) -> str:
    """Patients, threshold and encoder weights, and warnings of random weights and of what a simulation shares."""
    one = next(iter(study.ablations.values()))
    n = one.folds["patient"].nunique()
    line = f"{study.name}: {n} patients; large: {endpoint_text(one)}"
    line += f"; encoder {encoder_text(one)}" if encoder_text(one) else "; no encoder"
    if is_random(study):
        line += '\nEncoder weights "none" are randomly initialized: these results mean nothing.'
    if study.ablations.keys() & _CALIBRATED:
        line += f"\n{_SHARED_SOURCE}"
    return "\n".join(_wrapped(part) for part in line.splitlines())


def is_random(study: Study) -> bool:
    """Whether an ablation's encoder was randomly initialized."""
    return any(ablation.encoder[0] == "none" for ablation in study.ablations.values())


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a plain table."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        yield "   ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()


def _table(caption: str, cells: Sequence[Cell], counts: bool = False) -> str:
    """Caption, header, this study and the article, notes; `counts` adds the patients per class."""
    notes = list(dict.fromkeys(cell.note for cell in cells if cell.note))
    marks = {"": "", **{note: f" [{number}]" for number, note in enumerate(notes, 1)}}
    rows = {name: [c.text + marks[c.note] for c in cells if c.row == name] for name in (OURS, ARTICLE)}
    ours = [cell for cell in cells if cell.row == OURS]
    if counts and any(cell.n_large is not None for cell in ours):
        texts = [f"{c.n_large} / {c.n_small}" if c.n_large is not None else "" for c in ours]
        rows = {OURS: rows[OURS], "  large / small": texts, ARTICLE: rows[ARTICLE]}
    footnotes = [_wrapped(f"[{number}] {note}") for number, note in enumerate(notes, 1)]
    return "\n".join([_wrapped(caption), "", *_aligned([c.column for c in ours], rows), *footnotes])


def _aligned(header: list[str], rows: dict[str, list[str]]) -> Iterator[str]:
    """Lines of a table; columns that do not fit follow below in another block."""
    label = max(map(len, rows))
    columns = list(zip(header, *rows.values(), strict=True))
    while columns:
        widths = [max(map(len, column)) + 3 for column in columns]
        fitting = max(n for n in range(1, len(columns) + 1) if n == 1 or label + sum(widths[:n]) <= WIDTH)
        for number, name in enumerate(("", *rows)):
            cells = [f"   {c[number]:<{w - 3}}" for c, w in zip(columns[:fitting], widths, strict=False)]
            yield f"{name:<{label}}{''.join(cells)}".rstrip()
        columns = columns[fitting:]
        if columns:
            yield ""


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH)
