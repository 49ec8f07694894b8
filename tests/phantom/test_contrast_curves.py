"""Boluses measured on their curves, against the phantom's medians and quartiles of 93 ISLES 2018 curves."""

from dataclasses import replace

import numpy as np
import pytest

from stroke_ctp.phantom.contrast_curves import DURATION, STEP, Bolus, arterial_curve, draw_bolus, venous_curve

# Lower quartile, median, upper quartile, and half a unit of the last digit stated
SHEET = {
    "onset": (6, 8, 10, 0.5),
    "time to peak": (12, 15, 19, 0.5),
    "FWHM": (9.9, 11.3, 14.5, 0.05),
    "alpha": (4.0, 5.3, 7.6, 0.05),
    "beta": (1.7, 2.1, 2.8, 0.05),
    "tail": (0.16, 0.21, 0.27, 0.005),
    "venous peak": (118, 148, 215, 0.5),
    "venous lag": (5, 6, 7, 0.5),
}
TYPICAL = Bolus(onset=8.0, alpha=5.3, beta=2.1, peak=300.0, tail=0.21, venous_peak=148.0, venous_lag=6.0)


def crossings(curve, height):
    """When a curve first rises above and, after its peak, first falls below a fraction of the peak [s]."""
    above = curve >= height * curve.max()
    rise = int(np.argmax(above))
    assert rise > 0, "the curve starts above the height"
    fall = int(curve.argmax() + np.argmin(above[curve.argmax() :]))

    def between(k):
        return STEP * (k - (height * curve.max() - curve[k]) / (curve[k - 1] - curve[k]))

    return between(rise), between(fall)


@pytest.fixture(scope="module")
def measured():
    random = np.random.default_rng(2018)
    table = {key: [] for key in (*SHEET, "peak")}
    for _ in range(2000):
        bolus = draw_bolus(random)
        artery, vein = arterial_curve(bolus), venous_curve(bolus)
        rise, fall = crossings(artery, 0.5)
        table["onset"].append(crossings(artery, 0.1)[0])
        table["time to peak"].append(STEP * artery.argmax())
        table["FWHM"].append(fall - rise)
        table["alpha"].append(bolus.alpha)
        table["beta"].append(bolus.beta)
        table["tail"].append(artery[-1] / artery.max())
        table["venous peak"].append(vein.max())
        table["venous lag"].append(STEP * (float(vein.argmax()) - float(artery.argmax())))
        table["peak"].append(artery.max())
    return {key: np.array(values) for key, values in table.items()}


@pytest.mark.parametrize("quantity", SHEET)
def test_drawn_curves_have_the_published_median_and_quartiles(measured, quantity):
    lower, median, upper, rounding = SHEET[quantity]
    # Two standard errors of a normal sample of 93: 0.19 IQR for its median, 0.21 IQR for its quartiles.
    tolerance = 0.2 * (upper - lower) + rounding
    np.testing.assert_allclose(np.percentile(measured[quantity], (25, 50, 75)), (lower, median, upper), atol=tolerance)


def test_true_arterial_peaks_fill_150_to_500_hu(measured):
    peaks = measured["peak"]
    assert peaks.min() >= 149.5  # the samples next to the peak may miss it by little
    assert peaks.max() <= 500.001
    assert np.percentile(peaks, 5) < 200
    assert np.percentile(peaks, 95) > 400


def test_first_pass_is_a_gamma_variate_of_the_stated_onset_and_peak():
    curve = arterial_curve(replace(TYPICAL, tail=0.0))
    assert crossings(curve, 0.1)[0] == pytest.approx(8.0, abs=0.02)
    start = STEP * curve.argmax() - 5.3 * 2.1
    relative = np.clip(np.arange(curve.size) * STEP - start, 0, None) / (5.3 * 2.1)
    np.testing.assert_allclose(curve, 300 * relative**5.3 * np.exp(5.3 * (1 - relative)), atol=0.02 * 300)


def test_recirculation_stays_as_the_stated_share_of_the_peak():
    curve = arterial_curve(replace(TYPICAL, tail=0.3))
    assert curve.max() == pytest.approx(300, rel=1e-3)
    assert curve[-1] / curve.max() == pytest.approx(0.3, abs=0.03)
    assert np.ptp(curve[-200:]) < 0.5


def test_vein_follows_the_artery_broader():
    artery, vein = arterial_curve(TYPICAL), venous_curve(TYPICAL)
    assert vein.max() == pytest.approx(148, rel=1e-3)
    assert STEP * (int(vein.argmax()) - int(artery.argmax())) == pytest.approx(6, abs=0.5)
    assert np.subtract(*crossings(vein, 0.5)[::-1]) > 1.1 * np.subtract(*crossings(artery, 0.5)[::-1])


def test_no_curve_begins_before_the_injection_reaches_the_head(measured):
    assert measured["onset"].min() > 1


def test_curves_outlast_the_longest_scan():
    assert arterial_curve(TYPICAL).shape == venous_curve(TYPICAL).shape == (round(DURATION / STEP),)
    assert DURATION > 64 * 1.5


def test_one_seed_gives_one_bolus():
    assert draw_bolus(np.random.default_rng(3)) == draw_bolus(np.random.default_rng(3))
    assert draw_bolus(np.random.default_rng(3)) != draw_bolus(np.random.default_rng(4))
