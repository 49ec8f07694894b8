"""The conventional index on made-up levels whose area of low CBV is known."""

import numpy as np
import pytest

from stroke_ctp.perfusion.index import low_cbv_area

ROWS, COLUMNS = np.indices((128, 128)) - 63.5
HEAD = np.hypot(ROWS / 52, COLUMNS / 44) < 1


def series(blood, baseline=35.0):
    """Two levels of 32 frames whose enhancement rises to `blood` and falls, in a head within air."""
    bolus = np.exp(-(((np.arange(32) - 16) / 5) ** 2))
    bolus[:6] = 0
    hu = np.where(HEAD, baseline, -1000.0) + bolus[:, None, None] * blood * HEAD
    healthy = np.where(HEAD, 35.0, -1000.0) + bolus[:, None, None] * 6.0 * HEAD
    return np.stack([hu, healthy]).astype(np.float32)


def square(half_side, row=0, column=15):
    return (np.abs(ROWS - row) < half_side) & (np.abs(COLUMNS - column) < half_side)


def test_healthy_levels_have_no_area():
    assert low_cbv_area(series(np.full((128, 128), 6.0))) == 0


@pytest.mark.parametrize("half_side", [14, 22])
def test_area_is_that_of_the_emptied_square_in_square_centimetres(half_side):
    found = low_cbv_area(series(np.where(square(half_side), 0.6, 6.0)))
    side_cm = 2 * half_side * 20 / 128
    assert found == pytest.approx(side_cm**2, rel=0.15)  # smoothing rounds the corners


def test_tissue_above_the_fraction_does_not_count():
    lowered = np.where(square(18), 0.6 * 6, 6.0)
    assert low_cbv_area(series(lowered)) == 0
    assert low_cbv_area(series(lowered), fraction=0.75) > 10


def test_ventricles_hold_no_blood_and_are_not_counted():
    ventricle = square(10)
    found = low_cbv_area(series(np.where(ventricle, 0.0, 6.0), np.where(ventricle, 10.0, 35.0)))
    assert found < 0.25 * low_cbv_area(series(np.where(ventricle, 0.0, 6.0)))


def test_noise_does_not_count():
    noisy = series(np.where(square(18), 0.6, 6.0))
    clean = low_cbv_area(noisy)
    noisy += np.random.default_rng(0).normal(0, 3, noisy.shape).astype(np.float32)
    assert low_cbv_area(noisy) == pytest.approx(clean, rel=0.15)


def test_a_scan_without_a_head_has_no_area():
    assert low_cbv_area(np.full((2, 32, 128, 128), -1000, np.float32)) == 0
