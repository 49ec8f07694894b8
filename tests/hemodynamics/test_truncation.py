"""Seconds missing from a passage, against closed forms of the first pass."""

import numpy as np
import pytest
from boluses import gamma_variate

from stroke_ctp.hemodynamics.kinetics import tissue_curve
from stroke_ctp.hemodynamics.truncation import LONGEST_S, FirstPass

FINE = 0.1
TIMES = np.arange(0, 300, FINE)
START = 8.0


def left_at(curve):
    """When a curve has fallen to a tenth of its peak for good [s]."""
    return TIMES[np.flatnonzero(curve > 0.1 * curve.max())[-1]]


def recirculating(share):
    """A first pass on a tail that follows its integral, as high as a share of the peak."""
    first = gamma_variate(TIMES, START)
    again = np.interp(TIMES - 11.0, TIMES, np.cumsum(first) / first.sum(), left=0.0)
    return first + share * first.max() * again


def truncated(duration, step=1.5, share=0.2):
    frames = slice(0, round(duration / FINE) + 1, round(step / FINE))
    last = TIMES[frames][-1]
    return FirstPass.of(recirculating(share)[frames], step, round(START / step)), frames, last


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("duration", [24, 27, 30, 36, 48])
def test_the_artery_s_missing_seconds_are_those_of_its_first_pass_whatever_recirculates(duration, share):
    first_pass, _, last = truncated(duration, share=share)
    true = max(0, left_at(gamma_variate(TIMES, START)) - last)
    assert first_pass.missing_s() == pytest.approx(true, abs=6 if share else 2)


@pytest.mark.parametrize(("mtt", "delay"), [(4.0, 0.5), (6.0, 5.0), (12.0, 7.0)])
@pytest.mark.parametrize("duration", [36, 48, 90])
def test_the_missing_seconds_of_tissue_and_veins_are_those_of_the_first_pass_through_them(mtt, delay, duration):
    first_pass, frames, last = truncated(duration)
    curve = tissue_curve(recirculating(0.2), FINE, 60 * 2 / mtt, mtt, delay)[frames]
    true = left_at(tissue_curve(gamma_variate(TIMES, START), FINE, 60 * 2 / mtt, mtt, delay)) - last
    assert first_pass.missing_s(curve) == pytest.approx(max(0, true), abs=6)


def test_an_artery_that_does_not_fall_misses_as_much_as_is_ever_said():
    times = np.arange(0, 40, 1.0)
    assert FirstPass.of(np.clip(times - START, 0, 5.0), 1.0, 8).missing_s() == LONGEST_S
