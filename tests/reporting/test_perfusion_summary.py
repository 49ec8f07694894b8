"""The page of a scan, and what is printed of many."""

from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from perfused_head import PIXEL_MM, head

from stroke_ctp.hemodynamics.output import ScanFolder
from stroke_ctp.hemodynamics.scan_analysis import RegisteredScan, analyse_registered
from stroke_ctp.reporting.figures.map_strips import Strips, draw_strips, slices_shown
from stroke_ctp.reporting.figures.perfusion_summary import draw_summary
from stroke_ctp.reporting.figures.readout_table import readout_lines
from stroke_ctp.reporting.reliability_text import reliability_text
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.motion_correction import correct_motion


@pytest.fixture(scope="module")
def measured():
    hu, times = head(noise=1.0)
    scan, motions = correct_motion(CTPScan.simultaneous(hu, times, (10.0, *PIXEL_MM)))
    return analyse_registered(RegisteredScan("head.nii.gz", scan, motions))


def drawn(measured, path, monkeypatch, title="A scan"):
    """The figure that is saved, and its texts."""
    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: figures.append(self) or savefig(self, *a, **k))
    draw_summary(path, title, measured)
    (figure,) = figures
    return figure, [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]


def doubtful(measured):
    """The same scan, with every reason for doubt that a page must hold."""
    quality = replace(
        measured.quality,
        longest_interval_s=4.5,
        unseen_share=0.7,
        vein_missing_s=20.0,
        late_tissue_missing_s=33.0,
        artery_missing_s=8.0,
        arrival_s=25.0,
        artery_peak_hu=20.0,
        partial_volume=7.0,
        contrast_to_noise=2.0,
        motion_in_space=False,
        motion_mm=22.0,
        motion_left_mm=3.0,
        tissue_share=0.4,
        tissue_asymmetry=0.3,
        core_high_ml=300.0,
        other_side_core_ml=80.0,
        midline_found=False,
        core_rcbf_high_ml=300.0,
        other_side_core_rcbf_ml=50.0,
    )
    return replace(measured, quality=quality)


@pytest.mark.parametrize("state", ["good", "doubtful", "without vein"])
def test_every_word_lies_on_the_page(measured, tmp_path, monkeypatch, state):
    shown = doubtful(measured) if state == "doubtful" else measured
    if state == "without vein":
        shown = replace(measured, passage=replace(measured.passage, vein=None))
    figure, texts = drawn(shown, tmp_path / "summary.png", monkeypatch, "a name that is far too long " * 5)
    figure.canvas.draw()
    page = figure.bbox
    for text in texts:
        box = text.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text.get_text()
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text.get_text()
    places = {text.get_text(): text.get_window_extent() for text in figure.texts}
    for name, value in readout_lines(shown):
        assert not value or places[name].x1 < places[value].x0, name


def test_the_page_is_upright_a4_at_150_dots_per_inch(measured, tmp_path, monkeypatch):
    drawn(measured, tmp_path / "summary.png", monkeypatch)
    height, width, _ = matplotlib.image.imread(tmp_path / "summary.png").shape
    assert (width, height) == pytest.approx((210 / 25.4 * 150, 297 / 25.4 * 150), abs=1)


def test_the_page_says_how_far_it_can_be_trusted_and_that_it_is_for_research(measured, tmp_path, monkeypatch):
    _, texts = drawn(doubtful(measured), tmp_path / "summary.png", monkeypatch)
    words = " ".join(" ".join(text.get_text().split()) for text in texts)
    assert "Reliability: UNUSABLE" in words
    assert "Research use only" in words
    assert "UNUSABLE: 80 mL of the other hemisphere" in words
    assert words.count("scan ends") == 3  # one per plot of curves, and the reason


def test_the_lesion_is_coloured_in_its_place(measured, tmp_path, monkeypatch):
    figure, _ = drawn(measured, tmp_path / "summary.png", monkeypatch)
    picture = figure.axes[0].images[0].get_array()
    coloured = np.ptp(np.asarray(picture), axis=2) > 0.05
    lesion = measured.lesion.penumbra | measured.lesion.core["cbv"]
    assert coloured.sum() == lesion.sum()
    middle = coloured.shape[1] // 6
    assert coloured[:, :middle].sum() > 0.99 * coloured[:, : 2 * middle].sum()  # the patient's right


def test_undefined_numbers_are_called_so(measured):
    lines = dict(readout_lines(replace(measured, readouts=replace(measured.readouts, cbv_index=None))))
    assert lines["CBV index"] == "undefined"


def test_of_an_unusable_measurement_eligibility_is_not_assessed(measured, tmp_path):
    name = "DEFUSE 3 mismatch"
    assert dict(readout_lines(measured))[name] in ("yes", "no")
    assert dict(readout_lines(doubtful(measured)))[name] == "not assessed: measurement unusable"
    rows = [ScanFolder(tmp_path).write_record("key", scan) for scan in (measured, doubtful(measured))]
    assert [row["reliability"] for row in rows] == ["ok", "unusable"]
    assert [row["defuse3_eligible"] for row in rows] == [measured.readouts.defuse3_eligible, None]


def test_the_extrapolated_share_is_that_of_all_tissue_where_none_is_late(measured):
    quality = replace(measured.quality, late_tissue_missing_s=None)
    names = dict(readout_lines(replace(measured, quality=quality)))
    assert "Extrapolated share of all tissue's CBV" in names
    assert "Extrapolated share of late tissue's CBV" in dict(readout_lines(measured))


def test_slices_are_spread_over_a_large_scan():
    assert slices_shown(3).tolist() == [0, 1, 2]
    assert slices_shown(21).tolist() == [0, 4, 8, 12, 16, 20]


def rows(*levels):
    return [
        {"patient": f"P{n}", "scan": f"{n}.nii.gz", "reliability": level, "reason": f"because of {n} " * 12}
        for n, level in enumerate(levels)
    ]


def test_the_terminal_has_counts_and_reasons_within_its_width():
    said = reliability_text(rows("ok", "caution", "unusable", "ok"), "volumes.csv").splitlines()
    assert said[0] == "reliability: 2 ok, 1 caution, 1 unusable"
    assert said[1].startswith("  P2: unusable: because of 2")
    assert any(line.startswith("  P1: caution: because of 1") for line in said)
    assert max(map(len, said)) <= 80


def test_scans_of_one_patient_are_told_apart():
    slabs = [row | {"patient": "P"} for row in rows("caution", "unusable")]
    said = reliability_text(slabs, "volumes.csv").splitlines()
    assert said[1].startswith("  P, 1.nii.gz: unusable")
    assert any(line.startswith("  P, 0.nii.gz: caution") for line in said)
    alone = reliability_text([slabs[0] | {"patient": ""}], "volumes.csv")
    assert "\n  0.nii.gz: caution" in alone


def test_of_many_doubtful_scans_the_terminal_shows_the_worst_and_where_the_others_are():
    said = reliability_text(rows(*["caution"] * 30, "unusable"), "volumes.csv")
    assert said.splitlines()[1].startswith("  P30: unusable")
    assert said.endswith("and 19 more (volumes.csv, column reason)")


def test_a_scan_without_hypoperfused_tissue_has_no_curve_of_it(measured, tmp_path, monkeypatch):
    nowhere = {threshold: np.zeros_like(late) for threshold, late in measured.lesion.late.items()}
    well = replace(measured, lesion=replace(measured.lesion, late=nowhere))
    for number, (shown, named) in enumerate(((measured, True), (well, False))):
        with monkeypatch.context() as patch:
            figure, _ = drawn(shown, tmp_path / f"{number}.png", patch)
        curves = {line.get_label() for axes in figure.axes for line in axes.lines}
        assert "other hemisphere" in curves
        assert ("Tmax > 6 s" in curves) == named


def test_strips_of_many_slices_keep_their_proportions_within_the_page():
    """Eight slices of a head that is wider than high: more than the width of a strip at its full height."""
    rectangles = []

    def new_axes(x: float, y: float, wide: float, high: float) -> Axes:
        rectangles.append((x, y, wide, high))
        return Figure().add_axes((0, 0, 1, 1))

    hu = np.full((1, 8, 60, 100), 30.0, np.float32)
    scan = CTPScan.simultaneous(np.repeat(hu, 2, axis=0), np.array([0.0, 1.5]), (5.0, 1.5, 1.5))
    draw_strips(new_axes, Strips(scan, scan.hu[0], [], []), (10.0, 20.0, 150.0, 100.0))
    ((x, _, wide, high),) = rectangles
    assert x + wide <= 160
    assert wide / high == pytest.approx(6 * 100 / 60)  # of eight slices six are shown
