"""One page per scan: maps, core and penumbra, curves, numbers, and how far they can be trusted."""

from pathlib import Path

import matplotlib
import numpy as np

from stroke_ctp.hemodynamics.measurement_quality import mean_curve
from stroke_ctp.hemodynamics.reliability import Concern, Reliability
from stroke_ctp.hemodynamics.scan_analysis import ScanAnalysis
from stroke_ctp.reporting.figures.map_strips import conventional_strips, draw_strips
from stroke_ctp.reporting.figures.readout_table import readout_lines
from stroke_ctp.reporting.figures.scan_page import MARGIN_MM, WIDTH_MM, ScanPage
from stroke_ctp.reporting.figures.style import BLUE, GREEN, ORANGE, STYLE, VERMILION

_CURVES_MM = 218.0
"""From the top of the page to the curves."""
_REFUSAL_MM = 70.0
"""Height of a page that only says why a scan was refused."""


def draw_summary(path: Path, title: str, measured: ScanAnalysis) -> None:
    """Draw the page of one scan.

    Args:
        path: PNG.
        title: Name of the patient or scan.
        measured: From `analyse_scan`.
    """
    with matplotlib.rc_context(STYLE):
        page = ScanPage()
        page.head(title)
        below = page.banner(measured.reliability)
        place = (MARGIN_MM, below + 2, WIDTH_MM - 2 * MARGIN_MM, _CURVES_MM - below - 4)
        draw_strips(page.axes, conventional_strips(measured), place)
        _draw_curves(page, measured)
        page.table(_CURVES_MM + 2, readout_lines(measured))
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
        page = ScanPage(_REFUSAL_MM)
        page.head(title)
        below = page.banner(Reliability((Concern("unusable", reason),)))
        page.text(MARGIN_MM + 2, below + 3, f"No maps and no volumes. Refused at: {stage}.", size=9)
        page.save(path)


def _draw_curves(page: ScanPage, measured: ScanAnalysis) -> None:
    """Enhancement of artery and vein, and of normal and hypoperfused tissue, up to the end of the scan."""
    passage, maps, lesion = measured.passage, measured.maps, measured.lesion
    times = np.arange(len(passage.rise)) * passage.step
    vessels = page.axes(MARGIN_MM + 9, _CURVES_MM + 5, 86.0, 22.0)
    vessels.plot(times, passage.artery.curve, color=VERMILION, label="artery")
    if passage.vein is not None:
        vessels.plot(times, passage.vein.curve, color=BLUE, linestyle=(0, (5, 2)), label="vein")
    tissue = page.axes(MARGIN_MM + 9, _CURVES_MM + 37, 86.0, 22.0)
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
