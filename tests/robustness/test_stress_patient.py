"""A stress patient is the same person in every scan, and each condition does what it says."""

from dataclasses import replace

import numpy as np
import pytest

from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.common.geometry import N_BASELINE
from stroke_ctp.phantom.contrast_curves import STEP, arterial_curve
from stroke_ctp.robustness.axes import REFERENCE
from stroke_ctp.robustness.scoring import padded
from stroke_ctp.robustness.stress_patient import StressPatient, _bolus

RULES = padded(Rules())


@pytest.fixture(scope="module")
def patient() -> StressPatient:
    return StressPatient.draw(seed=31, number=3)


@pytest.fixture(scope="module")
def good(patient: StressPatient) -> np.ndarray:
    """The series of a good scan."""
    return patient.series(REFERENCE, RULES).hu


def test_noise_has_the_stated_size_and_the_same_pattern(patient: StressPatient, good: np.ndarray):
    noisier = patient.series(replace(REFERENCE, noise=REFERENCE.noise + 5), RULES).hu
    added = (noisier - good)[:, :, 44:84, 44:84]  # deep in the brain
    assert added.std() == pytest.approx(5, rel=0.15)


def test_slices_that_lie_one_level_too_high_show_the_other_level(patient: StressPatient, good: np.ndarray):
    higher = patient.series(replace(REFERENCE, level=20.0), RULES).hu

    def structure(level: np.ndarray) -> np.ndarray:
        return np.clip(level[:N_BASELINE].mean(axis=0), -50, 100).ravel()

    same = np.corrcoef(structure(higher[0]), structure(good[1]))[0, 1]
    other = np.corrcoef(structure(higher[0]), structure(good[0]))[0, 1]
    assert same > 0.99
    assert same > other + 0.01


def test_a_turned_head_is_turned_by_that_angle(patient: StressPatient, good: np.ndarray):
    turned = patient.series(replace(REFERENCE, rotation=20.0), RULES).hu

    def axis_deg(series: np.ndarray) -> float:
        """Direction of the head's long axis, from its second moments."""
        y, x = np.nonzero(series[0, 0] > -500)
        return float(np.degrees(0.5 * np.arctan2(2 * np.cov(x, y)[0, 1], np.var(y) - np.var(x))))

    assert abs(axis_deg(turned) - axis_deg(good)) == pytest.approx(20, abs=1.5)


def test_a_short_scan_holds_its_last_frame(patient: StressPatient):
    short = patient.series(replace(REFERENCE, duration=24.0), RULES).hu
    assert np.array_equal(short[:, 16:], np.repeat(short[:, 15:16], 16, axis=1))
    assert not np.array_equal(short[:, 14], short[:, 15])


def test_a_wider_bolus_has_as_much_contrast_and_a_later_one_the_same_shape(patient: StressPatient):
    digital = replace(patient.digital, bolus=replace(patient.digital.bolus, tail=0.0, onset=8.0, alpha=5.0, beta=2.0))
    own = arterial_curve(digital.bolus)
    wider, later, weaker = (
        arterial_curve(_bolus(digital, replace(REFERENCE, **changed)))
        for changed in ({"width": 2.0}, {"delay": 6.0}, {"dose": 0.25})
    )
    assert wider.sum() == pytest.approx(own.sum(), rel=0.01)
    assert wider.max() == pytest.approx(own.max() / 2)
    np.testing.assert_allclose(later[round(6 / STEP) :], own[: -round(6 / STEP)], atol=0.01 * own.max())
    np.testing.assert_allclose(weaker, own / 4)


def test_known_volumes_follow_their_definitions(patient: StressPatient):
    truths = patient.truths()
    assert truths["core"] == patient.digital.core_ml()
    assert truths["infarct"] == patient.digital.infarct_ml()
    assert truths["tmax"] > 0
    # texture moves the thresholds of CBV and CBF against the core's edge; good collaterals bring blood within 6 s
    assert truths["cbv"] == pytest.approx(truths["core"], rel=0.5)
    assert truths["rcbf"] == pytest.approx(truths["core"], rel=0.5)


def test_one_seed_gives_one_patient(patient: StressPatient):
    again, other = StressPatient.draw(31, 3), StressPatient.draw(31, 4)
    assert again.truths() == patient.truths()
    assert other.truths() != patient.truths()
