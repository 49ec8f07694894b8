"""Tables as plain text that fits a terminal."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from stroke_ctp.common.text import TERMINAL_WIDTH, counted
from stroke_ctp.reporting.caveats import Caveats, caveats
from stroke_ctp.reporting.model_text import encoder_text, endpoint_text, is_random
from stroke_ctp.reporting.results.model_aucs import ModelAucs
from stroke_ctp.reporting.tables.main_results import (
    ARTICLE,
    CAPTION_1,
    CAPTION_2,
    INTERVAL,
    NOT_COMPARABLE,
    OURS,
    Caption,
    Cell,
    table1,
    table2,
)
from stroke_ctp.study.predictions import Study


def report_text(study: Study, models: Mapping[str, ModelAucs]) -> str:
    """Both tables and the provenance of their numbers, at most 80 columns wide."""
    found = caveats(study)
    parts = [_table(CAPTION_1, table1(models), found, counts=True), _table(CAPTION_2, table2(models), found)]
    return "\n\n".join([*parts, provenance_text(study)])


def provenance_text(study: Study) -> str:
    """Patients and their origin, threshold and encoder weights, with warnings that belong to the numbers."""
    main = study.main
    encoder = f"encoder {encoder_text(main)}" if encoder_text(main) else "no encoder"
    n_patients = main.folds["patient"].nunique()
    paragraphs = [
        f"{study.name}: {counted(n_patients, 'patient')}; large: {endpoint_text(main.record.endpoint)}; {encoder}"
    ]
    if is_random(study):
        paragraphs.append('Encoder weights "none" are randomly initialized: these results are meaningless.')
    found = caveats(study)
    paragraphs += [f"{found.origin}. {found.meaning}"] if found.origin else []
    paragraphs += found.explained()
    return "\n".join(map(_wrapped, paragraphs))


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a plain table."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        yield "   ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()


def _table(caption: Caption, cells: Sequence[Cell], found: Caveats, counts: bool = False) -> str:
    """Caption, header, this study and, apart, the article, notes; `counts` adds the patients per class."""
    notes = list(dict.fromkeys(cell.note for cell in cells if cell.note))
    marks = {"": "", **{note: f" [{number}]" for number, note in enumerate(notes, 1)}}
    texts = {name: [c.text + marks[c.note] for c in cells if c.row == name] for name in (OURS, ARTICLE)}
    ours = [cell for cell in cells if cell.row == OURS]
    rows = {OURS: texts[OURS]}
    if any(cell.low is not None for cell in ours):
        rows[INTERVAL] = [" ".join(cell.interval) for cell in ours]
    if counts and any(cell.n_large is not None for cell in ours):
        rows["  large / small"] = [f"{c.n_large} / {c.n_small}" if c.n_large is not None else "" for c in ours]
    rows |= {"": [""] * len(ours), ARTICLE: texts[ARTICLE]}
    run = " ".join(cell.column for cell in ours if cell.mean is not None)
    footnotes = [*(f"[{number}] {note}" for number, note in enumerate(notes, 1)), *found.about(run), NOT_COMPARABLE]
    heading = _wrapped(" ".join([f"{caption.title}.", *found.origin_sentence, caption.text]))
    return "\n".join([heading, "", *_blocks([c.column for c in ours], rows), *map(_wrapped, footnotes)])


def _blocks(header: list[str], rows: dict[str, list[str]]) -> Iterator[str]:
    """Lines of a table; columns that do not fit follow below in another block."""
    label = max(map(len, rows))
    columns = list(zip(header, *rows.values(), strict=True))
    while columns:
        widths = [max(map(len, column)) + 3 for column in columns]
        fitting = max(n for n in range(1, len(columns) + 1) if n == 1 or label + sum(widths[:n]) <= TERMINAL_WIDTH)
        for number, name in enumerate(("", *rows)):
            cells = [f"   {c[number]:<{w - 3}}" for c, w in zip(columns[:fitting], widths, strict=False)]
            yield f"{name:<{label}}{''.join(cells)}".rstrip()
        columns = columns[fitting:]
        if columns:
            yield ""


def _wrapped(text: str) -> str:
    return textwrap.fill(text, TERMINAL_WIDTH)
