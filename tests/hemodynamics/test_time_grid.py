"""The grid against polynomials, which cubic splines reproduce, and the variance of white noise."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from stroke_ctp.hemodynamics.time_grid import GRID_S, grid_from_frames


@pytest.mark.parametrize("step", [0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0])
def test_a_cubic_polynomial_is_the_same_on_the_grid(step):
    times = np.arange(12) * step
    matrix = grid_from_frames(12, step)
    grid = np.arange(len(matrix)) * GRID_S
    assert grid[-1] <= times[-1] + 1e-6 < grid[-1] + GRID_S
    polynomial = np.polynomial.Polynomial([3.0, -2.0, 0.5, 0.1])
    np.testing.assert_allclose(matrix @ polynomial(times), polynomial(grid), atol=1e-8)


@pytest.mark.parametrize("n_frames", [10, 11, 32, 64])
@pytest.mark.parametrize("step", [0.9, 0.999, 1.0])
def test_scans_of_any_length_just_below_the_interval_of_the_grid_are_taken_to_it(n_frames, step):
    matrix = grid_from_frames(n_frames, step)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_frames_closer_than_the_grid_lower_the_noise():
    inner = slice(10, -10)
    assert (grid_from_frames(120, 0.5)[inner] ** 2).sum(axis=1).max() < 0.7
    assert (grid_from_frames(120, 0.25)[inner] ** 2).sum(axis=1).max() < 0.35


@pytest.mark.parametrize("step", [1.0, 1.5, 3.0])
def test_curves_of_scans_with_wide_intervals_are_the_cubic_spline_through_all_frames(step):
    times = np.arange(16) * step
    curve = np.random.default_rng(0).normal(size=16)
    matrix = grid_from_frames(16, step)
    np.testing.assert_allclose(matrix @ curve, CubicSpline(times, curve)(np.arange(len(matrix)) * GRID_S), atol=1e-9)


@pytest.mark.parametrize("step", [0.25, 0.5])
def test_a_narrow_bolus_keeps_its_shape_and_time_runs_backwards_as_forwards(step):
    times = np.arange(round(40 / step) + 1) * step
    matrix = grid_from_frames(len(times), step)
    grid = np.arange(len(matrix)) * GRID_S
    bolus = [np.exp(-0.5 * ((t - 20) / 3) ** 2) for t in (times, grid)]  # 7 s at half its height
    np.testing.assert_allclose(matrix @ bolus[0], bolus[1], atol=0.002)
    np.testing.assert_allclose(matrix[::-1, ::-1], matrix, atol=1e-9)
