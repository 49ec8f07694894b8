"""Numbers that a user sets."""

import os

import pytest
from stroke_ctp.common.settings import require_jobs, require_real, require_whole

from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.inputs import Attenuation, Enhancement, Window
from stroke_ctp.common.errors import UserError


@pytest.mark.parametrize("value", ["3", None, True, float("nan"), float("inf"), [1.0]])
def test_what_is_no_finite_number_is_refused_by_name(value: object):
    with pytest.raises(UserError, match=r"^weight must be a number, got "):
        require_real("weight", value)


@pytest.mark.parametrize(
    ("value", "limits", "rule"),
    [
        (0, {"above": 0}, "> 0"),
        (-0.1, {"least": 0}, "≥ 0"),
        (1.5, {"least": 0, "most": 1}, "≥ 0 and ≤ 1"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_rule(value: float, limits: dict[str, float], rule: str):
    with pytest.raises(UserError) as refusal:
        require_real("weight", value, **limits)
    assert str(refusal.value) == f"weight must be a number {rule}, got {value}"


def test_limits_that_are_included_are_allowed_and_whole_numbers_are_numbers():
    assert require_real("weight", 0, least=0) == 0.0
    assert require_real("weight", 1, most=1) == 1.0
    assert require_whole("count", 3, least=3) == 3


@pytest.mark.parametrize("value", ["3", None, True, 2.0, 2])
def test_what_is_no_whole_number_or_too_small_is_refused(value: object):
    with pytest.raises(UserError, match="count must be a whole number ≥ 3, got"):
        require_whole("count", value, least=3)


def test_jobs_of_minus_one_are_all_cores_that_this_process_may_use():
    assert require_jobs(-1) == len(os.sched_getaffinity(0))
    assert require_jobs(5) == 5


@pytest.mark.parametrize(
    ("make", "settings", "named"),
    [
        (Enhancement, {"reference": 0.0}, "input.reference must be a number > 0, got 0"),
        (Enhancement, {"n_baseline": 0}, "input.n_baseline must be a whole number ≥ 1"),
        (Enhancement, {"smoothing_pixels": -1.0}, "input.smoothing_pixels must be a number ≥ 0"),
        (Enhancement, {"ceiling": 0.0}, "input.ceiling must be a number > 0"),
        (Enhancement, {"scale": 0.0}, "input.scale must be a number > 0"),
        (Window, {"low": 80.0, "high": 20.0}, "input.high must be a number > 80"),
        (Attenuation, {"scale": -500.0}, "input.scale must be a number > 0"),
        (Augmentation, {"flip_probability": 2.0}, "augmentation.flip_probability must be a number ≥ 0 and ≤ 1"),
        (Augmentation, {"max_angle": -1.0}, "augmentation.max_angle must be a number ≥ 0"),
    ],
)
def test_settings_of_input_and_augmentation_are_refused_where_they_are_made(make, settings, named: str):
    with pytest.raises(UserError) as refusal:
        make(**settings)
    assert str(refusal.value).startswith(named)
