import numpy as np
import pytest

from stroke_ctp.scan.dicom.clocks import (
    choose_clock,
    seconds_of_date,
    seconds_of_date_time,
    seconds_of_day,
    unwrap_midnight,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("000000", 0),
        ("235959.999999", 86399.999999),
        ("101530.5", 36930.5),
        (" 101530 ", 36930),
        ("1015", 36900),
        ("10", 36000),
        ("10:15:30.25", 36930.25),
        ("246060", None),
        ("1065", None),
        ("101530,5", None),
        ("abc", None),
        ("", None),
    ],
)
def test_a_time_of_day_is_read_in_every_form_that_the_standard_has_had(text, seconds):
    assert seconds_of_day(text) == (None if seconds is None else pytest.approx(seconds, abs=1e-9))


def test_dates_count_days_over_the_end_of_a_leap_year_february():
    assert seconds_of_date("20240301") - seconds_of_date("2024.02.28") == 2 * 86400
    assert seconds_of_date("20230230") is None
    assert seconds_of_date("") is None


@pytest.mark.parametrize(
    ("earlier", "later", "seconds"),
    [
        ("20240229235959.5", "20240301000001.25", 1.75),
        ("20240229100000+0100", "20240229100000.5+0100", 0.5),
        ("20240229100000+0100", "20240229100000+0000", 3600),
        ("20240229100000-0530", "20240229153000+0000", 0),
        ("2024022910", "202402291001", 60),
    ],
)
def test_dates_with_times_differ_by_the_seconds_between_them(earlier, later, seconds):
    assert seconds_of_date_time(later) - seconds_of_date_time(earlier) == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize("text", ["", "20240229", "20240229250000", "20241301100000", "now"])
def test_what_is_no_date_with_a_time_tells_nothing(text):
    assert seconds_of_date_time(text) is None


def test_times_after_midnight_follow_those_before_it():
    day = 738000 * 86400.0
    times = np.array([86398.0, 1.0, 86399.5, 2.5])
    for shift in (0.0, day):
        np.testing.assert_allclose(np.diff(unwrap_midnight(times + shift)[[0, 2, 1, 3]]), [1.5, 1.5, 1.5])


def test_times_within_a_day_stay_as_they_are():
    times = np.array([36000.0, 36001.5, 40000.0])
    np.testing.assert_array_equal(unwrap_midnight(times), times)


def test_the_first_clock_is_believed_that_all_frames_have_and_that_tells_those_of_each_slice_apart():
    slice_of = np.array([0, 0, 1, 1])
    lacking, same, telling = (1.0, 2.0, None, 4.0), (7.0, 7.0, 7.0, 7.0), (0.0, 1.5, 0.0, 1.5)
    assert choose_clock(list(zip(lacking, same, telling, telling, strict=True)), slice_of) == 2
    assert choose_clock(list(zip(lacking, same, strict=True)), slice_of) is None
