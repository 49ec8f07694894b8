"""Enhancement from a few curves, against the convolution of each point on its own."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid

from stroke_ctp.hemodynamics.kinetics import tissue_curve
from stroke_ctp.phantom.contrast_curves import STEP, arterial_curve, draw_bolus, venous_curve
from stroke_ctp.phantom.enhancement import enhancement
from stroke_ctp.phantom.perfusion_field import PerfusionField
from stroke_ctp.phantom.tissue import Compartment

RHO = 1.04
N = 60
FINE = np.arange(0, 120, STEP)


def tissue_of(random):
    """Points of every perfusion that tissue can have."""
    cbv = random.uniform(0.2, 6, (1, 1, N))
    mtt, delay = np.exp(random.uniform(np.log(2), np.log(30), (1, 1, N))), random.uniform(0, 20, (1, 1, N))
    return PerfusionField(cbv, mtt, delay)


def rendered(bolus, field, label=None, times=FINE):
    label = np.full((1, 1, N), Compartment.GREY) if label is None else label
    curves, weights = enhancement(bolus, field, label, 5.0, times)
    return np.tensordot(weights, curves, (0, 0))[0, 0]


def test_every_points_curve_is_the_convolution_of_its_own_perfusion():
    errors = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        bolus, field = draw_bolus(random), tissue_of(random)
        artery = arterial_curve(bolus)
        times = np.arange(32) * 1.5
        found = rendered(bolus, field, times=times)
        for k in range(N):
            cbv, mtt, delay = (values[0, 0, k] for values in (field.cbv, field.mtt, field.delay))
            exact = tissue_curve(artery, STEP, 60 * cbv / mtt / RHO, mtt, delay)
            errors.append(np.abs(found[k] - np.interp(times, FINE, exact)).max() / exact.max())
    assert np.percentile(errors, 90) < 0.005
    assert np.max(errors) < 0.02


def test_area_under_each_curve_gives_its_cbv():
    random = np.random.default_rng(4)
    bolus = replace(draw_bolus(random), onset=8.0, alpha=5.3, beta=2.1, tail=0.0)
    field = tissue_of(random)
    area = trapezoid(rendered(bolus, field), axis=-1)
    cbv = 100 * 0.73 * area / trapezoid(arterial_curve(bolus))
    prompt = (field.mtt < 12)[0, 0]  # the others still hold contrast after 120 s
    np.testing.assert_allclose(cbv[prompt], field.cbv[0, 0, prompt], rtol=0.01)


def test_vessels_show_their_own_curves_and_what_is_no_tissue_none():
    bolus = draw_bolus(np.random.default_rng(5))
    kinds = [Compartment.ARTERY, Compartment.VEIN, Compartment.COLLATERAL_ARTERY, Compartment.CSF]
    nothing = PerfusionField(*(np.zeros((1, 1, 4)) for _ in range(3)))
    artery, vein, beyond, csf = rendered(bolus, nothing, np.array(kinds)[None, None])
    np.testing.assert_allclose(artery, arterial_curve(bolus), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(vein, venous_curve(bolus), rtol=1e-5, atol=1e-4)
    assert STEP * (int(beyond.argmax()) - int(artery.argmax())) == pytest.approx(5.0, abs=STEP)
    assert beyond.max() == pytest.approx(artery.max(), rel=1e-3)
    assert not csf.any()
