"""The report of a study: a page, tables and figures in `outputs/NAME/report`."""

from collections.abc import Sequence
from pathlib import Path

from stroke_ctp.evaluation.article import cells_frame, folds_frame, table1, table2, wide_table
from stroke_ctp.evaluation.background import Background
from stroke_ctp.evaluation.page import embedded, render
from stroke_ctp.evaluation.predictions import Study, read_study
from stroke_ctp.evaluation.sections import Section, sections
from stroke_ctp.evaluation.style import save
from stroke_ctp.evaluation.summary import subtitle
from stroke_ctp.evaluation.text import CAPTION_1, CAPTION_2, is_random, provenance, report_text
from stroke_ctp.files import whole

MEANINGLESS = "Random encoder weights: these results mean nothing."


def write_report(folder: Path, background: Background | None = None) -> str:
    """Write page, tables and figures of the study `outputs/NAME` to its `report/`.

    Args:
        folder: Of the study.
        background: What is known beyond the predictions; by default nothing.

    Returns:
        Tables 1 and 2 with their provenance, as text of at most 80 columns.

    Raises:
        UserError: Nothing was run, folds are missing, or the predictions break the contract.
    """
    background = background or Background()
    study = read_study(folder, background.partial)
    made = sections(study, folder, background)
    report = folder / "report"
    source = provenance(study).replace("\n", " ")
    written = _write_tables(study, made, report / "tables") | _write_figures(made, report / "figures", source)
    _write_page(study, made, report / "report.html")
    _remove_others(report, written)
    return report_text(study)


def _write_page(study: Study, made: Sequence[Section], path: Path) -> None:
    content = {
        "title": f"Study {study.name}",
        "subtitle": subtitle(study),
        "warnings": [MEANINGLESS] if is_random(study) else [],
        "sections": made,
        "embedded": embedded,
    }
    with whole(path) as partial:
        partial.write_text(render("report.html", content))


def _write_tables(study: Study, made: Sequence[Section], folder: Path) -> set[Path]:
    article = {"table1": table1(study), "table2": table2(study)}
    frames = {name: cells_frame(cells) for name, cells in article.items()} | {"folds": folds_frame(study)}
    frames |= {table.name: table.frame() for section in made for table in section.tables if table.name not in frames}
    for name, frame in frames.items():
        with whole(folder / f"{name}.csv") as partial:
            frame.to_csv(partial, index=False)
    captions = {"table1": CAPTION_1, "table2": CAPTION_2}
    for name, cells in article.items():
        with whole(folder / f"{name}.tex") as partial:
            partial.write_text(wide_table(name, captions[name], cells).latex())
    return {folder / f"{name}.csv" for name in frames} | {folder / f"{name}.tex" for name in article}


def _write_figures(made: Sequence[Section], folder: Path, source: str) -> set[Path]:
    pictures = [picture for section in made for picture in section.pictures]
    for picture in pictures:
        save(picture.drawn, folder / picture.name, source)
    return {folder / f"{picture.name}{suffix}" for picture in pictures for suffix in (".png", ".pdf")}


def _remove_others(report: Path, written: set[Path]) -> None:
    """What an earlier report made and this one did not would stand beside numbers that it does not belong to."""
    for path in {*report.glob("tables/*.*"), *report.glob("figures/*.*")} - written:
        path.unlink()
