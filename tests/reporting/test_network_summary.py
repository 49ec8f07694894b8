"""The page of what the perfusion network finds in a scan."""

from dataclasses import fields, replace
from pathlib import Path

import matplotlib.text
import numpy as np
import pytest
from matplotlib.figure import Figure

from stroke_ctp.hemodynamics.learned_analysis import LearnedAnalysis, LearnedLesion, LearnedMaps, LearnedQuality
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.hemodynamics.reliability import Concern, Reliability
from stroke_ctp.reporting.figures.network_summary import draw_network_summary
from stroke_ctp.scan.ctp_scan import CTPScan

SPACING = (10.0, 2.0, 2.0)
DECONVOLVED = Readouts(**dict.fromkeys([one.name for one in fields(Readouts)], 12.0) | {"defuse3_eligible": False})
DOUBT = Reliability(tuple(Concern("caution", "a long reason that fills the line and goes on " * 4) for _ in range(6)))


@pytest.fixture(scope="module")
def learned() -> LearnedAnalysis:
    """Three slices with a core on one side."""
    hu = np.full((12, 3, 90, 80), -1000.0, np.float32)
    hu[:, :, 5:85, 5:75] = 35.0
    inside = hu[0] > 0
    core = np.zeros((3, 90, 80), np.float32)
    core[:, 30:50, 10:25] = 0.8
    maps = LearnedMaps(core, np.maximum(core, np.float32(0.2) * inside), *[np.float32(2) * inside] * 3)
    scan = CTPScan.simultaneous(hu, np.arange(12) * 1.5, SPACING)
    quality = LearnedQuality(4.0, 1.5, 45.0, 9.0, 3, 20.0, False)
    return LearnedAnalysis(scan, maps, LearnedLesion.of(maps, SPACING), quality, Reliability(()))


def drawn(learned: LearnedAnalysis, deconvolved: Readouts | None, path: Path, patch: pytest.MonkeyPatch) -> Figure:
    """The figure that is saved."""
    figures = []
    savefig = Figure.savefig
    patch.setattr(Figure, "savefig", lambda self, *a, **k: figures.append(self) or savefig(self, *a, **k))
    draw_network_summary(path, "a scan", learned, deconvolved)
    (figure,) = figures
    return figure


@pytest.mark.parametrize("deconvolved", [DECONVOLVED, None])
def test_every_word_lies_on_the_page_and_volumes_stand_beside_the_deconvolutions(
    learned: LearnedAnalysis, deconvolved: Readouts | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    figure = drawn(replace(learned, reliability=DOUBT), deconvolved, tmp_path / "network.png", monkeypatch)
    figure.canvas.draw()
    texts = [one for one in figure.findobj(matplotlib.text.Text) if one.get_text() and one.get_visible()]
    for text in texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text.get_text()
    words = [text.get_text() for text in texts]
    core_ml = 3 * 20 * 15 * 0.04
    assert f"{core_ml:.1f} mL" in words
    assert f"{0.8 * core_ml:.1f} mL" in words
    assert "a scan: perfusion network" in words
    assert ("Deconvolution: not measurable" in words) == (deconvolved is None)
    assert words.count("12.0 mL") == (0 if deconvolved is None else 3)


def test_the_core_is_coloured_in_its_place(learned: LearnedAnalysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    figure = drawn(learned, None, tmp_path / "network.png", monkeypatch)
    picture = np.asarray(figure.axes[0].images[0].get_array())
    assert (np.ptp(picture, axis=2) > 0.05).sum() == learned.lesion.core.sum()
