import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from stroke_ctp.reporting.figures.vessels import draw_vessels

TIMES = np.arange(20) * 1.5


@pytest.fixture
def axes(tmp_path, monkeypatch):
    """What was drawn of a head of 100 × 150 mm in a field of 200 × 300 mm, whose artery lies in two slices."""
    drawn = []
    subplots = Figure.subplots
    monkeypatch.setattr(Figure, "subplots", lambda *a, **k: drawn.append(subplots(*a, **k)) or drawn[-1])
    image = np.full((3, 100, 200), -1000.0)
    image[:, 25:75, 50:150] = 40
    artery = np.array([[1, 40, 80], [1, 40, 81], [2, 40, 80]])
    vein = np.array([[0, 60, 99], [0, 30, 120], [0, 60, 100]])
    curve = np.sin(TIMES / 10)
    draw_vessels(tmp_path / "vessels.png", image, (2.0, 1.5), [2, 1, 0], TIMES, (artery, curve), (vein, curve))
    assert matplotlib.image.imread(tmp_path / "vessels.png").std() > 0
    return drawn[0]


def test_slices_are_called_as_the_scans_file_counts_them(axes):
    assert [axis.get_title() for axis in axes[:2]] == ["Artery: slice 1, 2 of 3 voxels", "Vein: slice 2, 3 of 3 voxels"]


def test_marks_surround_the_voxels_in_millimetres_and_adjoining_voxels_once(axes):
    places = [[patch.center for patch in axis.patches] for axis in axes[:2]]
    assert places == [[(80.5 * 1.5, 40.5 * 2)], [(99.5 * 1.5, 60.5 * 2), (120.5 * 1.5, 30.5 * 2)]]


def test_the_head_fills_the_picture_in_true_proportion_with_its_sides_named(axes):
    assert axes[0].get_xlim() == (75, 225)
    assert axes[0].get_ylim() == (150, 50)  # anterior is up
    assert axes[0].get_aspect() == 1
    assert [(text.get_text(), text.get_position()[0] < 0.5) for text in axes[0].texts] == [("R", True), ("L", False)]


def test_without_a_vein_the_picture_says_so(tmp_path, monkeypatch):
    titles = []
    set_title = matplotlib.axes.Axes.set_title
    monkeypatch.setattr(
        matplotlib.axes.Axes, "set_title", lambda self, text, **k: titles.append(text) or set_title(self, text, **k)
    )
    image, curve = np.full((1, 20, 20), 40.0), np.sin(TIMES / 10)
    draw_vessels(tmp_path / "v.png", image, (2.0, 2.0), [0], TIMES, (np.array([[0, 9, 9]]), curve), None)
    assert titles == ["Artery: slice 0, 1 of 1 voxels", "no vein was found"]
