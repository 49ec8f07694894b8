"""One page per scan: maps, core and penumbra, curves, numbers, and how far they can be trusted."""

import textwrap
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stroke_ctp import __version__
from stroke_ctp.common.files import atomic_write
from stroke_ctp.hemodynamics.measurement_quality import mean_curve
from stroke_ctp.hemodynamics.reliability import LEVELS, Concern, Level, Reliability
from stroke_ctp.hemodynamics.scan_analysis import ScanAnalysis
from stroke_ctp.reporting.figures.map_strips import draw_strips
from stroke_ctp.reporting.figures.readout_table import readout_lines
from stroke_ctp.reporting.figures.style import BLUE, GREEN, ORANGE, STYLE, VERMILION

_WIDTH_MM, _HEIGHT_MM, _MARGIN_MM = 210.0, 297.0, 12.0
"""A4, upright."""
_REFUSAL_MM = 70.0
"""Height of a page that only says why a scan was refused."""
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
_CURVES_MM = 218.0
"""From the top of the page to the curves."""


class _Page:
    """A figure on which places are given in millimetres from the top left corner."""

    def __init__(self, title: str, height_mm: float = _HEIGHT_MM) -> None:
        self.height_mm = height_mm
        self.figure = Figure(figsize=(_WIDTH_MM / 25.4, height_mm / 25.4), dpi=150, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.text(_MARGIN_MM, 9.0, textwrap.shorten(title, 60, placeholder="…"), size=12, weight="bold")
        note = "Research use only. Not a medical device."
        self.text(_WIDTH_MM - _MARGIN_MM, 9.5, note, size=9, ha="right", color=VERMILION)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes in a rectangle."""
        bottom = 1 - (top + height) / self.height_mm
        return self.figure.add_axes((left / _WIDTH_MM, bottom, width / _WIDTH_MM, height / self.height_mm))

    def text(self, left: float, top: float, words: str, **look: Any) -> None:
        """Text whose upper left corner lies at a place."""
        self.figure.text(left / _WIDTH_MM, 1 - top / self.height_mm, words, **({"va": "top"} | look))

    def box(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        corner = (left / _WIDTH_MM, 1 - (top + height) / self.height_mm)
        self.figure.add_artist(Rectangle(corner, width / _WIDTH_MM, height / self.height_mm, color=colour, linewidth=0))

    def save(self, path: Path) -> None:
        """Write the page as PNG."""
        with atomic_write(path) as partial:
            self.figure.savefig(partial, metadata={"Software": f"stroke_ctp {__version__}"})


def draw_summary(path: Path, title: str, measured: ScanAnalysis) -> None:
    """Draw the page of one scan.

    Args:
        path: PNG.
        title: Name of the patient or scan.
        measured: From `analyse_scan`.
    """
    with matplotlib.rc_context(STYLE):
        page = _Page(title)
        below = _draw_banner(page, measured.reliability)
        draw_strips(page.axes, measured, (_MARGIN_MM, below + 2, _WIDTH_MM - 2 * _MARGIN_MM, _CURVES_MM - below - 4))
        _draw_curves(page, measured)
        _draw_table(page, measured)
        page.save(path)


def draw_refusal(path: Path, title: str, stage: str, reason: str) -> None:
    """Draw the page of a scan that cannot be measured.

    Args:
        path: PNG.
        title: Name of the patient or scan.
        stage: Where it was refused.
        reason: Why.
    """
    with matplotlib.rc_context(STYLE):
        page = _Page(title, _REFUSAL_MM)
        below = _draw_banner(page, Reliability((Concern("unusable", reason),)))
        page.text(_MARGIN_MM + 2, below + 3, f"No maps and no volumes. Refused at: {stage}.", size=9)
        page.save(path)


def _draw_banner(page: _Page, reliability: Reliability) -> float:
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
    page.box(_MARGIN_MM, _BANNER_MM, _WIDTH_MM - 2 * _MARGIN_MM, height, colour)
    page.text(_MARGIN_MM + 2, _BANNER_MM + 1.2, f"Reliability: {word}", size=9.5, weight="bold")
    page.text(_MARGIN_MM + 2, _BANNER_MM + 6.2, "\n".join(lines), size=7.5, linespacing=1.18)
    return _BANNER_MM + height


def _draw_curves(page: _Page, measured: ScanAnalysis) -> None:
    """Enhancement of artery and vein, and of normal and hypoperfused tissue, up to the end of the scan."""
    passage, maps, lesion = measured.passage, measured.maps, measured.lesion
    times = np.arange(len(passage.rise)) * passage.step
    vessels = page.axes(_MARGIN_MM + 9, _CURVES_MM + 5, 86.0, 22.0)
    vessels.plot(times, passage.artery.curve, color=VERMILION, label="artery")
    if passage.vein is not None:
        vessels.plot(times, passage.vein.curve, color=BLUE, linestyle=(0, (5, 2)), label="vein")
    tissue = page.axes(_MARGIN_MM + 9, _CURVES_MM + 37, 86.0, 22.0)
    tissue.plot(times, mean_curve(passage.rise, maps.healthy), color=GREEN, label="other hemisphere")
    if lesion.hypoperfused.any():
        late = mean_curve(passage.rise, lesion.hypoperfused)
        tissue.plot(times, late, color=ORANGE, linestyle=(0, (3, 1, 1, 1)), label="Tmax > 6 s")
    for axes, name in ((vessels, "Vessels [HU]"), (tissue, "Tissue [HU]")):
        axes.axhline(0, color="0.8", linewidth=0.6)
        axes.axvline(times[-1], color="black", linewidth=0.8, linestyle=":")
        axes.text(times[-1], 1.01, "scan ends", transform=axes.get_xaxis_transform(), size=6.5, ha="right", va="bottom")
        axes.axvspan(0, (passage.n_baseline - 1) * passage.step, color="0.93", linewidth=0)
        axes.set(xlim=(0, times[-1] * 1.04), ylabel=name)
        axes.legend(frameon=False, loc="upper left", ncols=2, bbox_to_anchor=(0, 1.2), borderpad=0, fontsize=7)
    tissue.set_xlabel("Time [s]; grey: before the contrast")


def _draw_table(page: _Page, measured: ScanAnalysis) -> None:
    left = _MARGIN_MM + 104
    for number, (name, value) in enumerate(readout_lines(measured)):
        top = _CURVES_MM + 2 + 3.75 * number
        weight = "bold" if not value else "normal"
        page.text(left, top, name, size=7.5, weight=weight)
        page.text(_WIDTH_MM - _MARGIN_MM, top, value, size=7.5, ha="right")
