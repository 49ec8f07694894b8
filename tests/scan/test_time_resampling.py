import numpy as np
import pytest
import torch

from stroke_ctp.common.geometry import STANDARD_TIMES
from stroke_ctp.scan.time_resampling import acquired_after_first, count_needed_frames, to_standard_times


@pytest.mark.parametrize("interval_s", [1.0, 1.5, 2.8, 3.0])
def test_a_ramp_stays_a_ramp(interval_s):
    times = np.arange(0, 60, interval_s)
    ramp = (2 * times - 5).astype(np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    series = to_standard_times(ramp, times)
    expected = 2 * np.arange(32) * 1.5 - 5
    np.testing.assert_allclose(series[:, 0, 1], expected, atol=1e-4)


def test_interpolation_agrees_with_numpy_on_irregular_times():
    rng = np.random.default_rng(0)
    times = np.concatenate([[0], np.cumsum(rng.uniform(0.5, 3, 40))])
    curve = rng.normal(size=41).astype(np.float32)
    series = to_standard_times(curve[:, None, None], times)
    np.testing.assert_allclose(series[:, 0, 0], np.interp(STANDARD_TIMES, times, curve), atol=1e-5)


def test_after_the_last_frame_it_is_held():
    times = np.arange(16) * 3.0  # ends at 45 s
    series = to_standard_times(times.astype(np.float32)[:, None, None], times)
    assert series[-1, 0, 0] == 45
    assert series[-2, 0, 0] == 45
    assert series[-3, 0, 0] == 43.5


def test_before_the_first_frame_it_is_held():
    times = 2.0 + np.arange(40) * 1.5
    curve = np.random.default_rng(1).normal(size=40).astype(np.float32)
    series = to_standard_times(curve[:, None, None], times)
    assert series[0, 0, 0] == series[1, 0, 0] == curve[0]
    np.testing.assert_allclose(series[:, 0, 0], np.interp(STANDARD_TIMES, times, curve), atol=1e-5)


@pytest.mark.parametrize(("interval_s", "n", "needed"), [(1.5, 32, 32), (1.5, 60, 32), (1.0, 60, 48), (3.0, 16, 16)])
def test_frames_after_the_end_are_not_needed(interval_s, n, needed):
    assert count_needed_frames(np.arange(n) * interval_s) == needed


@pytest.mark.parametrize(("early_s", "needed"), [(1e-9, 32), (1e-3, 33)])
def test_a_frame_that_is_early_by_a_rounding_error_ends_the_series(early_s, needed):
    times = np.arange(40) * 1.5
    times[31] -= early_s
    assert count_needed_frames(times) == needed


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_frames_are_acquired_up_to_the_last_change(kind):
    curves = np.array([[3, 3, 5, 5, 7, 7, 7], [3, 4, 5, 6, 7, 8, 9], [3, 3, 3, 3, 3, 3, 3]], np.float32)
    frames = np.zeros((3, 7, 2, 2), np.float32)
    frames[:, :, 1, 0] = curves  # a single pixel tells
    assert acquired_after_first(kind(frames)).tolist() == [[True] * 4 + [False] * 2, [True] * 6, [False] * 6]
