"""One page per scan of what the perfusion network finds, beside what deconvolution finds."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

from stroke_ctp.common.geometry import BASELINE_S
from stroke_ctp.hemodynamics.learned_analysis import LearnedAnalysis
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, CORE_RCBF, HYPOPERFUSED_TMAX
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.reporting.figures.map_strips import CBF, CBV, Layer, MapStyle, Strips, draw_strips
from stroke_ctp.reporting.figures.readout_table import ml_text
from stroke_ctp.reporting.figures.scan_page import MARGIN_MM, WIDTH_MM, ScanPage
from stroke_ctp.reporting.figures.style import SKY, STYLE, VERMILION

_SHARES = (0.0, 0.5, 1.0)
CORE = MapStyle("Probability of core", "magma", Normalize(0, 1), _SHARES, "neither")
HYPOPERFUSED = MapStyle("Probability of hypoperfusion", "magma", Normalize(0, 1), _SHARES, "neither")
DELAY = MapStyle("Delay behind the artery [s]", "inferno", Normalize(0, 12), (0.0, 3.0, 6.0, 9.0, 12.0))
_TABLE_MM = 246.0
"""From the top of the page to the numbers."""


def draw_network_summary(path: Path, title: str, learned: LearnedAnalysis, deconvolved: Readouts | None) -> None:
    """Draw the page of one scan.

    Args:
        path: PNG.
        title: Name of the patient or scan.
        learned: From `model.scan_maps.learned_analysis`.
        deconvolved: What deconvolution measures of the scan; None if it cannot.
    """
    with matplotlib.rc_context(STYLE):
        page = ScanPage()
        page.head(f"{title}: perfusion network")
        below = page.banner(learned.reliability)
        place = (MARGIN_MM, below + 2, WIDTH_MM - 2 * MARGIN_MM, _TABLE_MM - below - 4)
        draw_strips(page.axes, _strips(learned), place)
        page.text(MARGIN_MM, _TABLE_MM + 2, _ABOUT, size=7.5, linespacing=1.3)
        page.table(_TABLE_MM + 2, _lines(learned, deconvolved))
        page.save(path)


_ABOUT = (
    "Maps of the perfusion network of stroke_ctp.\nIt was trained on simulated patients alone.\n"
    "Core and hypoperfused tissue are what it calls\nmore probable than not, without pieces below 1 cm²."
)


def _strips(learned: LearnedAnalysis) -> Strips:
    maps, lesion, scan = learned.maps, learned.lesion, learned.scan
    early = scan.times[:, 0] < BASELINE_S
    layers = [
        Layer(lesion.hypoperfused & ~lesion.core, "penumbra", SKY, 0.65),
        Layer(lesion.core, "core", VERMILION, 0.75),
    ]
    shown = [
        (CORE, maps.core),
        (HYPOPERFUSED, maps.hypoperfused),
        (CBV, maps.cbv),
        (CBF, maps.cbf),
        (DELAY, maps.delay),
    ]
    inside = [(style, np.where(maps.cbv > 0, volume, np.nan)) for style, volume in shown]
    return Strips(scan, scan.hu[early].mean(axis=0), layers, inside)


def _lines(learned: LearnedAnalysis, deconvolved: Readouts | None) -> list[tuple[str, str]]:
    """Names and values in reading order; a line without a value is a heading."""
    found = learned.lesion.readouts
    ratio = "undefined" if found.network_mismatch is None else f"{found.network_mismatch:.2f}"
    lines = [
        ("Perfusion network", ""),
        ("Core", ml_text(found.network_core_ml)),
        ("   sum of probabilities", ml_text(found.network_expected_core_ml)),
        ("Hypoperfused", ml_text(found.network_hypoperfused_ml)),
        ("Mismatch: volume, ratio", f"{ml_text(found.network_mismatch_ml)}, {ratio}"),
    ]
    if deconvolved is None:
        return [*lines, ("Deconvolution: not measurable", "")]
    return [
        *lines,
        ("Deconvolution", ""),
        (f"Core, CBV < {CORE_CBV:g} mL/100 mL", ml_text(deconvolved.core_cbv_ml)),
        (f"Core, CBF < {CORE_RCBF:.0%} of the other side", ml_text(deconvolved.core_rcbf_ml)),
        (f"Tmax > {HYPOPERFUSED_TMAX:g} s", ml_text(deconvolved.hypoperfused_ml)),
    ]
