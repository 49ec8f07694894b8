"""The page of a made-up patient whose numbers are known."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patient_cases import QUALITY, SPOT, case, reference, series

from stroke_ctp.reporting.patient.plots import contribution_bars, curve_plots, histogram_bars
from stroke_ctp.reporting.patient_page import write_patient_page
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction


def page_of(folder: Path, **changes: object) -> str:
    write_patient_page(folder / "patient.html", case(**changes), "ab12")
    return (folder / "patient.html").read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def data(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_a_patient_who_is_not_assessable_is_called_so_before_the_numbers_which_stay(tmp_path: Path):
    members = {"0": 0.7, "1": 0.9}
    declined = PatientPrediction("A", members, QUALITY, calibrated=0.65, declined=["noise: 9 HU", "no bolus"])
    page = page_of(tmp_path, prediction=declined)
    assert (
        "Not assessable: noise: 9 HU; no bolus. The probability of a large core (core volume &gt; 32.4 mL) is" in page
    )
    assert "is 0.80, calibrated 0.65; the 2 members give" in page


def test_the_answer_says_probability_members_volume_and_what_became_of_similar_patients(page: str):
    assert "The probability of a large core (core volume &gt; 32.4 mL) is 0.80;" in page
    assert "the 2 members give 0.70 to 0.90." in page
    assert "Its predicted volume is 41 mL (90 % interval 20 to 77 mL)." in page
    # Around 0.80 lie nine above it up to 0.89, ten below it from 0.70, and itself.
    assert "Of the 20 training patients with the nearest probabilities (0.70 to 0.89)" in page
    assert "10 had a large core." in page


def test_a_small_cohort_is_not_compared_with(tmp_path: Path):
    few = reference()
    small = type(few)(few.probability[:12], few.label[:12], 0)
    assert "nearest probabilities" not in page_of(tmp_path, reference=small)


def test_one_member_is_named_as_the_one_that_had_not_seen_the_patient(tmp_path: Path):
    alone = PatientPrediction("A&B", {"1": 0.9}, {})
    text = page_of(tmp_path, prediction=alone)
    assert "is 0.90, by the member that had not seen this patient." in text
    assert "predicted volume" not in text


def test_the_class_is_told_at_every_operating_point_that_has_a_threshold(tmp_path: Path):
    called = PatientPrediction("A&B", {"0": 0.7, "1": 0.9}, {}, classes={"youden": True, "sensitivity_0.9": None})
    text = page_of(tmp_path, prediction=called)
    assert text.count("the core is called") == 1
    assert "At Youden's threshold the core is called large." in text.replace("&#39;", "'")
    called = PatientPrediction("A&B", {"0": 0.2}, {}, classes={"sensitivity_0.9": False})
    text = page_of(tmp_path, prediction=called)
    assert "At the threshold for a sensitivity of 0.9 the core is called small." in text


def test_simulated_patients_are_named(tmp_path: Path, page: str):
    assert "simulated" not in page
    text = page_of(tmp_path, reference=reference(simulated=90), is_simulated=True)
    assert "This patient is simulated." in text
    assert "All 90 training patients are simulated: nothing here tells how well this works on real ones." in text
    assert "60 of the 90 training patients are simulated" in page_of(tmp_path, reference=reference(simulated=60))


def test_research_use_is_told_at_the_top_and_text_is_escaped(page: str):
    head = page[page.index("<h1>") :]
    assert head.index("Research use only") < head.index('class="answer"')
    assert "A&amp;B" in page
    assert "How to read &lt;these&gt; maps." in page
    assert "They cannot be made of this scan: no bolus." in page


def test_what_is_wrong_with_the_series_stands_by_the_answer(tmp_path: Path, page: str):
    assert "No concern about motion" in page
    moved = case().series
    quality = moved.quality | {"max_translation_mm": 7.25}
    text = page_of(tmp_path, series=type(moved)(moved.hu, None, quality, []))
    assert "Inspect the scan: head moved by 7.2 mm." in text
    assert "No concern" not in text


def test_a_training_patient_is_not_compared_with_itself(tmp_path: Path):
    compared = "training patients with the nearest probabilities"
    given = case().prediction
    assert compared in page_of(tmp_path, prediction=given)
    assert compared not in page_of(tmp_path, prediction=replace(given, out_of_fold=True))


def test_quantities_that_were_not_found_are_said_to_be_so(tmp_path: Path):
    air = case().series
    lost = dict.fromkeys(("noise_sd_hu", "bolus_arrival_s", "brain_peak_hu", "brain_left"))
    text = page_of(tmp_path, series=type(air)(np.full_like(air.hu, -1000), None, air.quality | lost, []))
    assert "Inspect the scan: no bolus arrives." in text
    assert "noise not found" in text


def test_nothing_is_fetched_and_the_page_is_small(page: str):
    assert len(page) < 5_000_000
    for address in re.findall(r'(?:src|href)="([^"]{1,40})', page):
        assert address.startswith(("data:", "#")), address


def test_frames_are_embedded_to_one_hu(data: dict):
    grey = np.frombuffer(base64.b64decode(data["frames"]["values"]), np.uint8).reshape(2, 32, 128, 128)
    expected = np.clip(np.rint(series()), -50, 205)
    np.testing.assert_array_equal(grey.astype(int) - 50, expected)
    assert data["times"][:3] == [0, 1.5, 3.0]


def test_maps_are_embedded_to_a_step_of_their_window_and_nothing_where_they_are_undefined(data: dict):
    core, signed, delay = data["overlays"]
    grey = np.frombuffer(base64.b64decode(core["values"]), np.uint8).reshape(2, 128, 128)
    assert grey[0, 0, 0] == 0
    assert (int(grey[(1, *SPOT)]) - 1) / 254 == pytest.approx(0.9, abs=0.002)
    assert signed["colours"] == "signed"
    assert signed["ends"] == ["−1", "1"]
    assert delay["colours"] == "time"
    assert delay["ends"] == ["0", "12 s"]
    assert [one["beyond"] for one in (core, signed, delay)] == [[False, False], [False, False], [False, True]]


def test_columns_below_the_middle_are_the_patients_right():
    hu = np.full((2, 32, 128, 128), 35.0)
    hu[:, 8:, :, :64] += 10
    _, tissue = curve_plots(hu)
    assert tissue.text == "patient's right to 10.0 HU at 12 s; patient's left to 0.0 HU at 0 s"
    assert [(curve.name, curve.style) for curve in tissue.curves] == [
        ("patient's right", "right"),
        ("patient's left", "left"),
    ]


def test_a_frames_bar_points_where_it_moves_the_odds():
    up, down = contribution_bars(np.outer([1.0, -1.0], np.arange(32.0))).values()
    assert [bar.height for bar in up] == [bar.height for bar in down]
    assert up[31].style == "raises"
    assert down[31].style == "lowers"
    assert up[31].y < down[31].y == 75
    assert up[31].height == pytest.approx(2 * up[16].height, abs=2.5)


def test_the_histogram_counts_both_classes_apart():
    bars = histogram_bars(np.array([0.02, 0.03, 0.99, 0.97, 0.51]), np.array([0, 0, 1, 1, 0]))
    counted = {(bar.style, bar.x): bar.text for bar in bars}
    assert counted["small", 0.0] == "2 with a small core at 0.00 to 0.05"
    assert counted["large", 95.0] == "2 with a large core at 0.95 to 1.00"
    assert len(bars) == 3


def test_a_patient_whom_the_members_know_is_warned_of(tmp_path: Path, page: str):
    known = replace(case().prediction, in_training=True)
    sentence = "The members were trained on this very series: the probability is too certain."
    assert sentence in page_of(tmp_path, prediction=known)
    assert sentence not in page


def test_a_model_without_an_explanation_leaves_the_conventional_maps_alone(tmp_path: Path, page: str):
    alone = page_of(tmp_path, findings=PatientFindings(None, None, "no bolus"))
    assert "How to read &lt;these&gt; maps." in page
    assert "How to read" not in alone
    assert "They cannot be made of this scan: no bolus." in alone
    assert PatientFindings(None, None, "no bolus").lesion is None
