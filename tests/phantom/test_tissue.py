"""Perfusion and attenuation of the tissues, against the phantom's table."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid

from stroke_ctp.phantom.contrast_curves import STEP, arterial_curve, draw_bolus, venous_curve
from stroke_ctp.phantom.simulated_lesion import cbv_map, local_variation
from stroke_ctp.phantom.smooth_field import Grid, SmoothField
from stroke_ctp.phantom.tissue import (
    ENHANCING,
    PUBLISHED,
    Compartment,
    draw_baseline,
    draw_perfusion,
    enhancement_curves,
)

# CBF [mL/100 g/min], CBV [mL/100 g], MTT and delays [s]
SHEET = {
    "GREY": (53, 3.3, 3.7, (0, 1)),
    "WHITE": (25, 1.9, 4.6, (0, 1)),
    "GREY_PENUMBRA": (16, 3.0, 11.3, (4, 4)),
    "WHITE_PENUMBRA": (7.5, 1.7, 13.6, (8, 8)),
    "GREY_CORE": (5.3, 0.71, 8.0, (9, 9)),
    "WHITE_CORE": (2.5, 0.42, 10.1, (12, 12)),
}
TISSUES = [Compartment[name] for name in SHEET]
CORE = (Compartment.GREY_CORE, Compartment.WHITE_CORE)
N = 1000


@pytest.fixture(scope="module")
def patients():
    random = np.random.default_rng(1)
    return [draw_perfusion(random) for _ in range(N)]


@pytest.mark.parametrize("name", SHEET)
def test_published_perfusion_is_the_sheets(name):
    cbf, cbv, mtt, (earliest, latest) = SHEET[name]
    published = PUBLISHED[Compartment[name]]
    assert (published.cbf, published.cbv) == (cbf, cbv)
    assert published.mtt == pytest.approx(mtt, abs=0.0501)
    assert earliest <= published.delay <= latest


def test_every_patient_obeys_the_central_volume_theorem(patients):
    for perfusion in patients:
        for tissue in TISSUES:
            p = perfusion[tissue]
            assert p.cbv == pytest.approx(p.cbf * p.mtt / 60)


@pytest.mark.parametrize("name", SHEET)
@pytest.mark.parametrize("quantity", ["cbf", "cbv"])
def test_perfusion_spreads_by_about_a_fifth_over_patients_and_places(patients, name, quantity):
    published = getattr(PUBLISHED[Compartment[name]], quantity)
    random = np.random.default_rng(2)
    label = np.full((6, 1, 1), Compartment[name])
    places = np.arange(-50.0, 51.0, 20.0)
    factors = []
    for perfusion in patients[:300]:
        texture = SmoothField(15.0, random).on(Grid(places, np.zeros(1), np.zeros(1)))
        factors.append(
            getattr(perfusion[Compartment[name]], quantity) * local_variation(texture, label, perfusion) / published
        )
    factors = np.concatenate(factors).ravel()
    assert np.median(factors) == pytest.approx(1, abs=0.03)
    assert np.mean(np.abs(factors - 1) <= 0.2) > 0.85
    assert np.percentile(np.abs(factors - 1), 95) > 0.13  # it does spread
    if quantity == "cbv":
        assert np.abs(factors - 1).max() < 0.22


def everywhere(perfusion, texture):
    """CBV [mL/100 mL] of the six tissues wherever the texture takes these values."""
    label = np.array(TISSUES)[:, None, None] * np.ones((1, 1, len(texture)), int)
    field = np.broadcast_to(np.array(texture, np.float32), label.shape).copy()
    return cbv_map(label, local_variation(field, label, perfusion), perfusion)[:, 0]


def test_viable_tissue_keeps_a_cbv_of_1_4_and_core_stays_below_1_2_everywhere(patients):
    is_core = np.array([tissue in CORE for tissue in TISSUES])
    for perfusion in patients:
        cbv = everywhere(perfusion, (-8, -1, -0.5, 0, 0.5, 1, 8))
        assert cbv[~is_core].min() / 1.04 >= 1.4 - 1e-6
        assert cbv[is_core].max() < 1.2
        assert cbv[is_core].min() > 0


def test_cbv_is_infinite_where_there_is_no_tissue(patients):
    label = np.array([c for c in Compartment if c not in TISSUES])[:, None, None]
    assert np.isinf(cbv_map(label, np.ones(label.shape, np.float32), patients[0])).all()


def test_cbv_map_is_per_100_ml():
    label = np.array(TISSUES)[:, None, None]
    cbv = cbv_map(label, np.ones(label.shape), PUBLISHED).ravel()
    np.testing.assert_allclose(cbv, [1.04 * SHEET[t.name][1] for t in TISSUES], rtol=1e-6)


@pytest.mark.parametrize("name", SHEET)
def test_delays_are_the_sheets(patients, name):
    delays = np.array([perfusion[Compartment[name]].delay for perfusion in patients])
    earliest, latest = SHEET[name][3]
    assert delays.min() >= 0.8 * earliest
    assert delays.max() <= 1.2 * latest
    assert delays.mean() == pytest.approx((earliest + latest) / 2, rel=0.05)
    assert delays.std() > 0.05


@pytest.fixture(scope="module")
def baselines():
    random = np.random.default_rng(3)
    return np.array([draw_baseline(random) for _ in range(N)])


@pytest.mark.parametrize(
    ("name", "mean", "spread"),
    [("GREY", 35, 3), ("WHITE", 29, 3), ("CSF", 12, 3), ("AIR", -1000, 0), ("ARTERY", 40, 0)],
)
def test_baseline_attenuation_is_the_sheets(baselines, name, mean, spread):
    column = baselines[:, Compartment[name]]
    # Four standard errors of the mean and of the SD of 1000 normal draws.
    assert column.mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(N) + 1e-9)
    assert column.std() == pytest.approx(spread, abs=4 * spread / np.sqrt(2 * N) + 1e-9)


def test_bone_measures_about_1000(baselines):
    assert baselines[:, Compartment.SKULL].mean() == pytest.approx(1000, abs=20)
    assert baselines[:, Compartment.SKULL].min() > 700


def test_core_and_penumbra_cannot_be_seen_without_contrast(baselines):
    for tissue in ("GREY", "WHITE"):
        for state in ("PENUMBRA", "CORE"):
            np.testing.assert_array_equal(
                baselines[:, Compartment[f"{tissue}_{state}"]], baselines[:, Compartment[tissue]]
            )


def test_each_curve_belongs_to_its_compartment():
    random = np.random.default_rng(4)
    bolus, perfusion = replace(draw_bolus(random), onset=8.0, alpha=5.3, beta=2.1, tail=0.0), draw_perfusion(random)
    curves = dict(zip(ENHANCING, enhancement_curves(bolus, perfusion), strict=True))
    artery = arterial_curve(bolus)
    for tissue in TISSUES:
        recovered = 100 * 0.73 / 1.04 * trapezoid(curves[tissue]) / trapezoid(artery)
        assert recovered == pytest.approx(perfusion[tissue].cbv, rel=0.01)  # what is still there after 120 s
    np.testing.assert_array_equal(curves[Compartment.ARTERY], artery)
    np.testing.assert_array_equal(curves[Compartment.VEIN], venous_curve(bolus))


def test_arteries_beyond_the_occlusion_fill_late_and_fully():
    random = np.random.default_rng(5)
    bolus, perfusion = draw_bolus(random), draw_perfusion(random)
    curves = dict(zip(ENHANCING, enhancement_curves(bolus, perfusion), strict=True))
    artery, beyond = curves[Compartment.ARTERY], curves[Compartment.COLLATERAL_ARTERY]
    lag = STEP * (int(beyond.argmax()) - int(artery.argmax()))
    assert lag == pytest.approx(perfusion[Compartment.GREY_PENUMBRA].delay, abs=STEP)
    assert beyond.max() == pytest.approx(artery.max(), rel=1e-3)
