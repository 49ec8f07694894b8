"""What declining buys on stressed scans, counted by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from stress_scores import LABELS, N, made_up

from stroke_ctp.reporting.figures.stress_declines import declines_picture
from stroke_ctp.reporting.stress_sentences import stress_paragraph
from stroke_ctp.reporting.tables.stress import declines_table
from stroke_ctp.robustness.curves import stress_results
from stroke_ctp.robustness.declines import BEYOND, GOOD, INSIDE, declined_scans
from stroke_ctp.statistics.risk_coverage import risk_curve

FAR = "noise: 14 HU, above the 10 HU of training patients"


def scores(*rows: tuple[str, float, int, float | None, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["axis", "level", "patient", "calibrated", "declined"])
    return table.assign(model="cbv", probability=table["calibrated"])


def test_wrong_answers_are_counted_by_kind_of_scan():
    labels = np.array([1, 0])
    table = scores(
        *(("", 0.0, 0, 0.9, ""), ("", 0.0, 1, 0.6, "")),  # one of two is wrong
        *(("noise", 5.0, 0, 0.7, ""), ("noise", 5.0, 1, 0.2, "")),
        *(("noise", 14.0, 0, 0.1, FAR), ("noise", 14.0, 1, None, "")),  # one is wrong, one has no series
    )
    (found,) = declined_scans(table, labels, 0.6, ["cbv"])
    assert found.of(GOOD).wrong.tolist() == [False, True]
    assert not found.of(INSIDE).wrong.any()
    assert found.of(BEYOND).declined.tolist() == [True, True]
    assert found.of(BEYOND).wrong_answered is None
    assert found.of(BEYOND).wrong_declined == 1  # the more frequent class is large, and the patient's core is small
    assert (found.wrong_answered, found.wrong_declined) == (0.25, 1.0)
    assert found.of(GOOD).wrong_declined is None


def test_scans_that_are_declined_are_answered_last_and_the_certain_ones_first():
    table = scores(("", 0.0, 0, 0.9, ""), ("noise", 5.0, 0, 0.6, ""), ("noise", 14.0, 0, 0.01, FAR))
    (found,) = declined_scans(table, np.array([1]), 0.5, ["cbv"])
    assert np.argsort(-found.confidence).tolist() == [0, 1, 2]
    assert np.argsort(-found.certainty).tolist() == [2, 0, 1]
    assert risk_curve(found.wrong, found.confidence).tolist() == pytest.approx([0, 0, 1 / 3])


def test_a_study_without_ranges_or_recalibration_shows_nothing():
    record, table = made_up()
    for column, empty in (("declined", ""), ("calibrated", np.nan)):
        results = stress_results(record, table.assign(**{column: empty}))
        assert results.declines == ()
        assert declines_table(results) is None
        assert declines_picture(results) is None
        assert not any("declines" in sentence for sentence in stress_paragraph(results))


def test_table_and_sentence_say_what_was_counted():
    record, table = made_up()
    results = stress_results(record, table)
    shown = declines_table(results)
    assert shown is not None
    row = next(one for one in shown.rows if one["model"] == "Perfusion network" and one["scans"] == BEYOND)
    own = table[(table["level"] == 14) & (table["model"] == "perfusion")]
    wrong = (own["calibrated"] > 0.5).to_numpy() != (LABELS[own["patient"]] == 1)
    odd = (own["patient"] % 2 == 1).to_numpy()
    assert (row["n"], row["declined"]) == (N, 0.5)
    assert row["wrong of all"] == pytest.approx(wrong.mean())
    assert row["wrong of answered"] == pytest.approx(wrong[~odd].mean())
    assert row["wrong of declined"] == pytest.approx(wrong[odd].mean())
    said = [sentence for sentence in stress_paragraph(results) if "declines" in sentence]
    assert said[0].startswith("Of all scans, the perfusion network declines 17 % as not assessable; the share of wrong")
    assert declines_picture(results) is not None


def test_panels_without_a_model_stay_empty():
    results = stress_results(*made_up())
    (first, *_) = results.declines
    picture = declines_picture(replace(results, declines=(first,) * 5))
    assert picture is not None
    assert [axes.axison for axes in picture.drawn.axes] == [True] * 5 + [False] * 3
