"""Kinetics against closed forms, adaptive quadrature and the moments of indicator dilution theory."""

import numpy as np
import pytest
from scipy.integrate import quad, trapezoid

from stroke_ctp.hemodynamics.kinetics import per_100_ml, tissue_curve

RHO, K_H = 1.04, 0.73
STEP = 0.1
TIMES = np.arange(1200) * STEP
# CBF [mL/100 g/min], CBV [mL/100 g], MTT [s], delay [s] of the phantom's table
TISSUES = {
    "grey": (53.0, 3.3, 3.7, 0.5),
    "white": (25.0, 1.9, 4.6, 0.5),
    "grey penumbra": (16.0, 3.0, 11.3, 4.0),
    "white penumbra": (7.5, 1.7, 13.6, 8.0),
    "grey core": (5.3, 0.71, 8.0, 9.0),
    "white core": (2.5, 0.42, 10.1, 12.0),
}


def of_every_tissue(*names):
    """Run a test with these columns of the table for each of its rows."""
    columns = [("cbf", "cbv", "mtt", "delay").index(name) for name in names]
    rows = [tuple(row[column] for column in columns) for row in TISSUES.values()]
    return pytest.mark.parametrize(names, rows, ids=TISSUES)


def gamma_variate(t, start=3.0, alpha=5.3, beta=2.1, peak=300.0):
    relative = np.clip(np.asarray(t) - start, 0, None) / (alpha * beta)
    return peak * relative**alpha * np.exp(alpha * (1 - relative))


@of_every_tissue("cbf", "mtt")
def test_exponential_bolus_gives_the_closed_form_difference_of_exponentials(cbf, mtt):
    fading = 2.5
    curve = tissue_curve(200 * np.exp(-TIMES / fading), STEP, cbf, mtt)
    convolution = 200 * (np.exp(-TIMES / mtt) - np.exp(-TIMES / fading)) / (1 / fading - 1 / mtt)
    expected = RHO / K_H * cbf / 6000 * convolution
    np.testing.assert_allclose(curve, expected, atol=1e-3 * expected.max())
    # From the first step on: what is lost at the jump would be lost for good.
    np.testing.assert_allclose(curve[1:200], expected[1:200], rtol=1e-3)


@of_every_tissue("cbf", "mtt", "delay")
def test_gamma_variate_bolus_agrees_with_adaptive_quadrature_to_a_tenth_of_a_percent(cbf, mtt, delay):
    curve = tissue_curve(gamma_variate(TIMES), STEP, cbf, mtt, delay)
    for after in (15.0, 17.3, 21.0, 27.0, 45.0, 75.0, 100.1):  # from a sixth of the bolus on
        t = STEP * round((delay + after) / STEP)
        convolution, _ = quad(
            lambda u, t=t: gamma_variate(u) * np.exp(-(t - delay - u) / mtt), 3.0, t - delay, epsabs=0, epsrel=1e-8
        )
        assert curve[round(t / STEP)] == pytest.approx(RHO / K_H * cbf / 6000 * convolution, rel=1e-3)


@pytest.mark.parametrize("delay", [0.03, 2.37, 7.999])
def test_delay_need_not_be_a_multiple_of_the_step(delay):
    curve = tissue_curve(gamma_variate(TIMES), STEP, 25.0, 4.6, delay)
    exact = tissue_curve(gamma_variate(TIMES - delay), STEP, 25.0, 4.6)
    np.testing.assert_allclose(curve, exact, atol=1e-3 * exact.max())


def test_delay_shifts_the_curve_and_leaves_zero_before_it():
    prompt = tissue_curve(gamma_variate(TIMES), STEP, 53.0, 3.7)
    late = tissue_curve(gamma_variate(TIMES), STEP, 53.0, 3.7, delay=5.0)
    np.testing.assert_allclose(late[50:], prompt[:-50], rtol=1e-9, atol=1e-9 * prompt.max())
    assert np.abs(late[:80]).max() < 1e-9 * prompt.max()


@of_every_tissue("cbf", "cbv")
def test_area_under_the_tissue_curve_over_that_of_the_artery_is_cbv_per_100_g(cbf, cbv):
    times = np.arange(6000) * STEP
    arterial = gamma_variate(times)
    ratio = trapezoid(tissue_curve(arterial, STEP, cbf, 60 * cbv / cbf), times) / trapezoid(arterial, times)
    assert 100 * K_H / RHO * ratio == pytest.approx(cbv, rel=1e-3)
    assert 100 * K_H * ratio == pytest.approx(per_100_ml(cbv), rel=1e-3)


@of_every_tissue("cbf", "mtt", "delay")
def test_tissue_lags_the_artery_by_transit_time_and_delay_on_average(cbf, mtt, delay):
    times = np.arange(6000) * STEP
    arterial = gamma_variate(times)
    curve = tissue_curve(arterial, STEP, cbf, mtt, delay)
    lag = trapezoid(curve * times, times) / trapezoid(curve, times)
    lag -= trapezoid(arterial * times, times) / trapezoid(arterial, times)
    assert lag == pytest.approx(mtt + delay, rel=2e-3)


def test_100_ml_of_tissue_hold_more_blood_than_100_g():
    assert per_100_ml(1.0) == pytest.approx(1.04)
