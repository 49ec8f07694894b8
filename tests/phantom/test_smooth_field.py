"""Smooth random fields: what the anatomy's folds and the tissue's texture are made of."""

import numpy as np
import pytest

from stroke_ctp.phantom.smooth_field import Grid, SmoothField


@pytest.mark.parametrize("wavelength", [6.0, 15.0])
def test_field_has_zero_mean_and_unit_variance(wavelength):
    random = np.random.default_rng(0)
    axis = np.arange(-90.0, 90.0, 13.7)  # all phases of the lattice
    values = np.stack([SmoothField(wavelength, random).on(Grid(axis, axis, axis)) for _ in range(25)])
    # About 25 · 14³ / 10 independent values.
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, abs=0.03)


def test_field_has_the_same_value_at_a_point_on_every_grid():
    field = SmoothField(15.0, np.random.default_rng(1))
    fine = np.arange(-60.0, 60.1, 1.5)
    whole = field.on(Grid(fine, fine + 1, fine - 2))
    part = field.on(Grid(fine[5:50:3], fine[::7] + 1, fine[40:] - 2))
    np.testing.assert_allclose(part, whole[5:50:3, ::7, 40:], atol=1e-5)


def test_axes_are_not_confused():
    field = SmoothField(15.0, np.random.default_rng(2))
    z, y, x = np.array([10.0, 40.0]), np.array([-30.0, 5.0, 20.0]), np.array([0.0])
    values = field.on(Grid(z, y, x))
    assert values.shape == (2, 3, 1)
    assert field.on(Grid(z[1:], y[2:], x)).item() == pytest.approx(values[1, 2, 0], abs=1e-5)


def test_longer_wavelengths_are_smoother():
    random = np.random.default_rng(3)
    axis = np.arange(-50.0, 50.0, 2.0)
    steps = [
        np.diff(SmoothField(length, random).on(Grid(axis, axis, axis)), axis=2).std() for length in (6.0, 15.0, 30.0)
    ]
    assert steps[0] > 1.5 * steps[1] > 2 * steps[2]


def test_voxel_volume_is_in_millilitres():
    assert Grid(np.arange(0, 20, 5.0), np.arange(0, 9, 3.0), np.arange(0, 4, 2.0)).voxel_ml == pytest.approx(0.03)
