"""A report page, and its files: HTML, tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from stroke_ctp.common.files import atomic_write
from stroke_ctp.reporting.figures.style import Picture, save
from stroke_ctp.reporting.html import embedded, render
from stroke_ctp.reporting.tables.table import Table


@dataclass(frozen=True)
class Tile:
    """One of the numbers at the top of the page."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page, with a heading."""

    name: str
    title: str
    paragraphs: Sequence[str] = ()
    tiles: Sequence[Tile] = ()
    points: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Page:
    """Content of a report page."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    source: str
    """Provenance of the numbers, for the figures' metadata."""
    warnings: Sequence[str] = ()
    """Shown at the top of the page; the first one is also shown above every figure."""
    latex: Sequence[str] = ()
    """Names of the tables that are also written as LaTeX."""
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """CSV contents that differ from the tables shown, by name."""


def write_page(page: Page, folder: Path) -> None:
    """Write `report.html`, `tables/` and `figures/`; remove tables and figures that only an earlier report had."""
    pictures = [picture for section in page.sections for picture in section.pictures]
    for picture in pictures:
        if page.warnings:
            picture.drawn.suptitle(page.warnings[0], fontsize=7, fontweight="bold")
        save(picture.drawn, folder / "figures" / picture.name, page.source)
    written = {folder / "figures" / f"{picture.name}{suffix}" for picture in pictures for suffix in (".png", ".pdf")}
    written |= _write_tables(page, folder / "tables")
    with atomic_write(folder / "report.html") as partial:
        partial.write_text(render("report.html", {"page": page, "embedded": embedded}), encoding="utf-8")
    for path in {*folder.glob("tables/*.*"), *folder.glob("figures/*.*")} - written:
        path.unlink()


def _write_tables(page: Page, folder: Path) -> set[Path]:
    tables = {table.name: table for section in page.sections for table in section.tables}
    frames = {name: table.frame() for name, table in tables.items()} | dict(page.frames)
    for name, frame in frames.items():
        with atomic_write(folder / f"{name}.csv") as partial:
            frame.to_csv(partial, index=False)
    for name in page.latex:
        with atomic_write(folder / f"{name}.tex") as partial:
            partial.write_text(tables[name].latex(), encoding="utf-8")
    return {folder / f"{name}.csv" for name in frames} | {folder / f"{name}.tex" for name in page.latex}
