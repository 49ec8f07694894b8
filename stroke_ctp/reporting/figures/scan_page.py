"""A page about one scan: its title, how far it can be trusted, and places in millimetres."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stroke_ctp import __version__
from stroke_ctp.common.files import atomic_write
from stroke_ctp.hemodynamics.reliability import LEVELS, Level, Reliability
from stroke_ctp.reporting.figures.style import VERMILION

WIDTH_MM, HEIGHT_MM, MARGIN_MM = 210.0, 297.0, 12.0
"""A4, upright."""
_BANNERS: dict[Level, tuple[str, str]] = {
    "ok": ("OK", "#D9EAF4"),
    "caution": ("CAUTION", "#FBE7C1"),
    "unusable": ("UNUSABLE", "#F6CDB6"),
}
"""Word and background of each level of reliability; the word tells them apart without colour."""
_LINE_MM = 3.7
_LETTERS = 128
"""In a line of the banner."""
_MOST_LINES = 9
_BANNER_MM = 16.0
"""From the top of the page to the banner."""


class ScanPage:
    """A figure on which places are given in millimetres from the top left corner."""

    def __init__(self, height_mm: float = HEIGHT_MM) -> None:
        self.height_mm = height_mm
        self.figure = Figure(figsize=(WIDTH_MM / 25.4, height_mm / 25.4), dpi=150, facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes in a rectangle."""
        bottom = 1 - (top + height) / self.height_mm
        return self.figure.add_axes((left / WIDTH_MM, bottom, width / WIDTH_MM, height / self.height_mm))

    def text(self, left: float, top: float, words: str, **look: Any) -> None:
        """Text whose upper left corner lies at a place."""
        self.figure.text(left / WIDTH_MM, 1 - top / self.height_mm, words, **({"va": "top"} | look))

    def box(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        corner = (left / WIDTH_MM, 1 - (top + height) / self.height_mm)
        self.figure.add_artist(Rectangle(corner, width / WIDTH_MM, height / self.height_mm, color=colour, linewidth=0))

    def head(self, title: str) -> None:
        """Write the name of the scan, and what the page is not for."""
        self.text(MARGIN_MM, 9.0, textwrap.shorten(title, 60, placeholder="…"), size=12, weight="bold")
        note = "Research use only. Not a medical device."
        self.text(WIDTH_MM - MARGIN_MM, 9.5, note, size=9, ha="right", color=VERMILION)

    def banner(self, reliability: Reliability) -> float:
        """Draw the reliability with its reasons; its lower end [mm]."""
        word, colour = _BANNERS[reliability.level]
        ordered = sorted(reliability.concerns, key=lambda concern: -LEVELS.index(concern.level))
        lines = [
            line
            for concern in ordered
            for line in textwrap.wrap(
                f"{concern.level.upper() if concern.level != 'ok' else 'note'}: {concern.reason}",
                _LETTERS,
                subsequent_indent="   ",
            )
        ] or ["no reason for doubt was found"]
        if len(lines) > _MOST_LINES:
            lines = [*lines[: _MOST_LINES - 1], "… and more: perfusion.json"]
        height = 8 + _LINE_MM * len(lines)
        self.box(MARGIN_MM, _BANNER_MM, WIDTH_MM - 2 * MARGIN_MM, height, colour)
        self.text(MARGIN_MM + 2, _BANNER_MM + 1.2, f"Reliability: {word}", size=9.5, weight="bold")
        self.text(MARGIN_MM + 2, _BANNER_MM + 6.2, "\n".join(lines), size=7.5, linespacing=1.18)
        return _BANNER_MM + height

    def table(self, top: float, lines: Sequence[tuple[str, str]]) -> None:
        """Write names and values at the right of the page; a line without a value is a heading."""
        left = MARGIN_MM + 104
        for number, (name, value) in enumerate(lines):
            y = top + 3.75 * number
            self.text(left, y, name, size=7.5, weight="normal" if value else "bold")
            self.text(WIDTH_MM - MARGIN_MM, y, value, size=7.5, ha="right")

    def save(self, path: Path) -> None:
        """Write the page as PNG."""
        with atomic_write(path) as partial:
            self.figure.savefig(partial, metadata={"Software": f"stroke_ctp {__version__}"})
