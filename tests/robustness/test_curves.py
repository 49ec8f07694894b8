"""Curves from made-up scores, against scikit-learn and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score
from stress_scores import LABELS, SHARE, N, made_up

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.reporting.figures.stress_curves import stress_picture
from stroke_ctp.reporting.stress_sentences import stress_paragraph
from stroke_ctp.reporting.tables.stress import stress_table
from stroke_ctp.robustness.axes import LABEL, PREVALENCE, PREVALENCES
from stroke_ctp.robustness.curves import StressResults, curves_frame, stress_results


@pytest.fixture(scope="module")
def results() -> StressResults:
    return stress_results(*made_up())


def test_auc_and_paired_difference_are_those_of_the_scores(results: StressResults):
    _, scores = made_up()
    for level, axis in ((1.0, "noise"), (3.0, ""), (14.0, "noise")):
        rows = scores[(scores["axis"] == axis) & ((axis == "") | (scores["level"] == level))]
        expected = {name: roc_auc_score(LABELS, own["probability"]) for name, own in rows.groupby("model")}
        for name, auc in expected.items():
            (point,) = [one for one in results.curve("noise", name) if one.level == level]
            assert point.auc.value == pytest.approx(auc)
            assert point.is_trained == (level < 14)
            if name == "perfusion":
                assert point.difference is not None
                assert point.difference.value == pytest.approx(auc - expected["cbv"])
                assert point.difference.low < point.difference.value < point.difference.high
            else:
                assert point.difference is None


def test_patients_without_a_score_count_with_the_share_of_large_cores_and_are_reported():
    _, scores = made_up()
    expected = scores[(scores["level"] == 14) & (scores["model"] == "cbv")]["probability"].to_numpy(copy=True)
    expected[:10] = SHARE
    (point,) = [one for one in stress_results(*made_up(missing=10)).curve("noise", "cbv") if one.level == 14]
    assert (point.n, point.not_measured) == (N, 10)
    assert point.auc.value == pytest.approx(roc_auc_score(LABELS, expected))


def test_another_prevalence_changes_calibration_by_its_odds_and_no_auc():
    record, scores = made_up()
    blind = scores.assign(probability=0.5)
    for point in stress_results(record, blind).curve(PREVALENCE, "cbv"):
        assert point.intercept == pytest.approx(logit(point.level), abs=0.05)
        assert point.ici is None
    points = stress_results(record, scores).curve(PREVALENCE, "perfusion")
    assert [point.level for point in points] == list(PREVALENCES)
    assert len({point.auc.value for point in points}) == 1
    assert np.all(np.diff([point.intercept for point in points]) > 0)


@pytest.mark.parametrize("threshold", [2.0, 9.0, 72.0, 79.0])
def test_prevalence_is_right_where_hardly_any_patient_has_a_small_core_or_a_large_one(threshold: float):
    record, scores = made_up()
    record = replace(record, endpoint=Endpoint("core_ml", threshold, threshold))
    points = stress_results(record, scores.assign(probability=0.5)).curve(PREVALENCE, "cbv")
    assert points[0].n_large in (1, 4, 36, 39)
    for point in points:
        assert point.intercept == pytest.approx(logit(point.level), abs=0.05)


def test_labels_keep_the_number_of_large_cores_and_only_the_definition_changes(results: StressResults):
    points = {point.text: point for point in results.curve(LABEL, "perfusion")}
    assert {point.n_large for point in points.values()} == {int(LABELS.sum())}
    core, infarct = points["core of the simulation"].auc.value, points["final infarct"].auc.value
    assert core == next(one for one in results.curve("noise", "perfusion") if one.level == 3).auc.value
    assert infarct == pytest.approx(1 - core, abs=0.1)  # made up as the opposite of the core


def test_sentences_table_and_figure_show_what_was_found(results: StressResults):
    text = " ".join(stress_paragraph(results))
    assert "40 simulated patients" in text
    assert "At none of 2 conditions within the range of training is the better conventional core ahead" in text
    missing = " ".join(stress_paragraph(stress_results(*made_up(missing=10))))
    assert "CBV core (up to 25 % at noise 14 HU)" in missing
    rows = stress_table(results).shown()
    assert [row[1] for row in rows[:3]] == ["1 HU", "3 HU", "14 HU"]
    assert [row[2] for row in rows[:3]] == ["inside", "inside", "outside"]
    assert len(stress_picture(results).drawn.axes) == 3
    assert len(curves_frame(results)) == 2 * (3 + 5 + len(PREVALENCES))


def test_patients_who_cannot_be_measured_in_good_scans_are_told(results: StressResults):
    labels = tuple(replace(point, not_measured=point.n) for point in results.points if point.axis == "label")
    text = " ".join(stress_paragraph(replace(results, points=labels)))
    assert "CBV core (up to 100 % at" in text
    assert "all models could measure" not in text


def test_a_conventional_core_that_is_ahead_within_the_range_is_named():
    record, scores = made_up()
    swapped = scores.assign(model=scores["model"].map({"cbv": "perfusion", "perfusion": "cbv"}))
    results = stress_results(record, swapped)
    behind = [p for p in results.curve("noise", "perfusion") if p.is_trained and p.difference.value < -0.02]
    text = " ".join(stress_paragraph(results))
    assert behind
    assert (
        f"At {len(behind)} of 2 conditions within the range of training the better conventional core is ahead" in text
    )


def test_axes_stand_three_in_a_row_with_what_training_did_not_cover_in_grey(results: StressResults):
    """Made up: the points of the noise as those of the dose, of which training did not cover the least either."""
    dose = [
        replace(point, axis="dose", level=0.15 if point.level < 3 else 0.5)
        for point in results.points
        if point.axis == "noise"
    ]
    drawn = stress_picture(replace(results, points=(*results.points, *dose))).drawn
    panels = {axes.get_title(): axes for axes in drawn.axes if axes.axison}
    assert (len(panels), len(drawn.axes)) == (4, 6)
    assert len(panels["Noise"].patches) == 1
    (below,) = panels["Contrast dose"].patches
    assert (below.get_x(), below.get_x() + below.get_width()) == pytest.approx(
        (panels["Contrast dose"].get_xlim()[0], 0.25)
    )


@pytest.mark.parametrize(("questions", "axes"), [([], {"noise"}), ([LABEL], {"noise", LABEL})])
def test_a_question_that_was_not_asked_has_no_curve(questions: list[str], axes: set[str]):
    record, scores = made_up()
    points = stress_results(replace(record, questions=questions), scores).points
    assert {point.axis for point in points} == axes
