"""The grid against polynomials, which cubic splines reproduce, and the variance of white noise."""

import numpy as np
import pytest

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
