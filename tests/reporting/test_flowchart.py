import pytest
from matplotlib.figure import Figure

from stroke_ctp.reporting.figures.flowchart import draw_flowchart, draw_flowcharts, flow_sentence

ARTICLE = {"patients": 63, "included": 23, "excluded": {"timing": 40}}


def _texts(drawn: Figure) -> list[str]:
    return [" ".join(text.get_text().split()) for axes in drawn.axes for text in axes.texts if text.get_text()]


def test_every_count_stands_in_a_box():
    texts = _texts(draw_flowchart(ARTICLE, "External test cohort"))
    assert texts == [
        "Patients with CTP scans n = 63",
        "Frame interval or duration did not comply n = 40",
        "External test cohort n = 23",
    ]


def test_a_stage_that_nobody_has_named_goes_by_its_own_name():
    assert "Bad luck n = 3" in _texts(draw_flowchart({"patients": 4, "included": 1, "excluded": {"bad_luck": 3}}))


def test_a_cohort_without_exclusions_says_so():
    assert "None excluded" in _texts(draw_flowchart({"patients": 4, "included": 4, "excluded": {}}))


@pytest.mark.parametrize("n_stages", [0, 1, 5])
def test_boxes_of_cohorts_side_by_side_do_not_overlap(n_stages: int):
    many = {"patients": 99, "included": 9, "excluded": {f"stage {n}": n for n in range(n_stages)}}
    drawn = draw_flowcharts({"Training cohort": many, "External test cohort": ARTICLE})
    drawn.draw_without_rendering()
    for axes in drawn.axes:
        boxes = [patch.get_window_extent() for patch in axes.patches if patch.get_width() > 1]
        assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])


def test_the_sentence_says_what_the_drawing_shows():
    assert flow_sentence("External", ARTICLE) == (
        "External: 63 patients; excluded: 40 (frame interval or duration did not comply); 23 included."
    )
    none = flow_sentence("Training", {"patients": 2, "included": 2, "excluded": {}})
    assert none == "Training: 2 patients; none excluded; 2 included."
    level = flow_sentence("Training", {"patients": 2, "included": 1, "excluded": {"level": 1}})
    assert level == "Training: 2 patients; excluded: 1 (ASPECTS level missing); 1 included."
