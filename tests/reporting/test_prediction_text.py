"""What `predict` prints of one patient and of many."""

from dataclasses import replace

import pytest
from patient_cases import QUALITY

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.reporting.prediction_text import prediction_lines
from stroke_ctp.study.prediction_folder import PatientPrediction

ENDPOINT = Endpoint("core_ml", 32.4, 32.4)
SCORED = PatientPrediction("", {"0": 0.7, "1": 0.9}, QUALITY)
NUMBERS = [
    "probability of a large core (core volume > 32.4 mL): 0.80, mean of 2 members (0.70 to 0.90)",
    "slices 1, 4, counted from 0",
]


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, []),  # of a study without a threshold and without a calibration
        ({"calibrated": 0.65}, ["calibrated probability of a large core: 0.65"]),
        ({"classes": {"youden": True}}, ["large core, at Youden's threshold"]),
        ({"classes": {"youden": False, "sensitivity_0.9": True}}, ["small core, at Youden's threshold"]),
        ({"classes": {"youden": True}, "declined": ["noise: 9 HU"]}, ["not assessable: noise: 9 HU"]),
    ],
    ids=["numbers alone", "calibrated", "large", "small", "declined"],
)
def test_the_answer_stands_before_the_numbers_as_far_as_there_is_one(changes: dict, answer: list[str]) -> None:
    assert list(prediction_lines([replace(SCORED, **changes)], ENDPOINT)) == [*answer, *NUMBERS]


def test_of_many_patients_those_without_an_answer_are_counted() -> None:
    failed, declined = replace(SCORED, members={}, reason="cut short"), replace(SCORED, declined=["noise: 9 HU"])
    assert list(prediction_lines([SCORED, failed, declined, failed], ENDPOINT)) == [
        "2 of 4 patients cannot be scored (predictions.csv, column reason)",
        "1 of 4 patients are not assessable (predictions.csv, column declined)",
    ]
    assert list(prediction_lines([SCORED, SCORED], ENDPOINT)) == []
