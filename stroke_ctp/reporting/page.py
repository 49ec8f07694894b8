"""A report page, and its files: HTML, tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import pandas as pd

from stroke_ctp.common.files import atomic_write
from stroke_ctp.reporting.caveats import Caveats
from stroke_ctp.reporting.figures.style import Picture, save
from stroke_ctp.reporting.html import embedded, render
from stroke_ctp.reporting.tables.table import Table

_CHARACTERS_PER_INCH = 14
"""Of bold print of 7 points, at least."""


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
    lead: str = ""
    """The section's main sentence, set larger."""
    is_appendix: bool = False
    """Whether the section stands in the appendix, which is printed only if the reader asks for it."""


@dataclass(frozen=True)
class Page:
    """Content of a report page."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    caveats: Caveats
    """What stands at the top of the page, on every figure and in every caption."""
    source: str
    """Provenance of the numbers, for the figures' metadata."""
    warnings: Sequence[str] = ()
    """Shown at the top of the page; the first one is also shown under every figure."""
    latex: Sequence[str] = ()
    """Names of the tables that are also written as LaTeX."""
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """CSV contents that differ from the tables shown, by name."""

    @property
    def first_of_appendix(self) -> str:
        """Name of the first section of the appendix; empty if there is none."""
        return next((section.name for section in self.sections if section.is_appendix), "")

    def with_caveats(self) -> "Page":
        """The page with the caveats of its numbers in every caption."""
        sections = [
            replace(
                section,
                lead=" ".join([section.lead, *self.caveats.about(section.lead)]).strip(),
                points=[" ".join([point, *self.caveats.about(point)]) for point in section.points],
                tables=[self.caveats.on_table(table) for table in section.tables],
                pictures=[self.caveats.on_picture(picture) for picture in section.pictures],
            )
            for section in self.sections
        ]
        return replace(self, sections=sections)


class ReportFolder:
    """The files of a report: page, tables and figures. Only this class names them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.page = path / "report.html"

    def csv(self, table: str) -> Path:
        """A table with full precision."""
        return self.path / "tables" / f"{table}.csv"

    def latex(self, table: str) -> Path:
        """A table for a manuscript."""
        return self.path / "tables" / f"{table}.tex"

    def figure(self, name: str) -> Path:
        """A figure, without the suffixes of its files."""
        return self.path / "figures" / name

    def remove_others(self, written: set[Path]) -> None:
        """Remove tables and figures that only an earlier report had."""
        for path in {*self.path.glob("tables/[!.]*"), *self.path.glob("figures/[!.]*")} - written:
            path.unlink(missing_ok=True)


def write_page(page: Page, folder: ReportFolder) -> None:
    """Write page, tables and figures; remove tables and figures that only an earlier report had."""
    page, written = page.with_caveats(), set[Path]()
    for picture in (picture for section in page.sections for picture in section.pictures):
        _sign(picture, page)
        written.update(save(picture.drawn, folder.figure(picture.name), page.source))
    written |= _write_tables(page, folder)
    with atomic_write(folder.page) as partial:
        partial.write_text(render("report.html", {"page": page, "embedded": embedded}), encoding="utf-8")
    folder.remove_others(written)


def _sign(picture: Picture, page: Page) -> None:
    """Write under a figure what must not be overlooked where it is copied; above it, a legend may be in the way."""
    origin = page.caveats.origin_sentence if picture.about_patients else []
    lines = [*origin, *page.warnings[:1]]
    if lines:
        width = int(_CHARACTERS_PER_INCH * picture.drawn.get_figwidth())
        picture.drawn.supxlabel("\n".join(fill(line, width) for line in lines), fontsize=7, fontweight="bold")


def _write_tables(page: Page, folder: ReportFolder) -> set[Path]:
    tables = {table.name: table for section in page.sections for table in section.tables}
    contents = {name: table.frame() for name, table in tables.items()} | dict(page.frames)
    about = {name for name, table in tables.items() if table.about_patients}
    frames = {
        folder.csv(name): page.caveats.on_frame(frame) if name in about else frame for name, frame in contents.items()
    }
    for path, frame in frames.items():
        with atomic_write(path) as partial:
            frame.to_csv(partial, index=False)
    texts = {folder.latex(name): tables[name].latex() for name in page.latex}
    for path, text in texts.items():
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return {*frames, *texts}
