"""Perfusion and attenuation of the tissues, against the phantom's table."""

import numpy as np
import pytest

from stroke_ctp.phantom.tissue import PUBLISHED, Compartment, draw_baseline, draw_perfusion

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
ISCHEMIC = TISSUES[2:]
N = 1000


@pytest.fixture(scope="module")
def patients():
    """With collaterals neither good nor bad."""
    random = np.random.default_rng(1)
    return [draw_perfusion(0.5, random) for _ in range(N)]


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
def test_perfusion_spreads_by_a_tenth_over_patients(patients, name):
    published = PUBLISHED[Compartment[name]]
    for quantity in ("cbv", "mtt"):
        values = [getattr(perfusion[Compartment[name]], quantity) for perfusion in patients]
        factors = np.array(values) / getattr(published, quantity)
        assert np.median(factors) == pytest.approx(1, abs=0.01)
        assert 0.09 < np.abs(factors - 1).max() <= 0.1 + 1e-9


@pytest.mark.parametrize("name", SHEET)
def test_delays_are_the_sheets(patients, name):
    delays = np.array([perfusion[Compartment[name]].delay for perfusion in patients])
    earliest, latest = SHEET[name][3]
    assert delays.min() >= 0.8 * earliest
    assert delays.max() <= 1.2 * latest
    assert delays.mean() == pytest.approx((earliest + latest) / 2, rel=0.05)
    assert delays.std() > 0.05


def test_better_collaterals_bring_blood_sooner_faster_and_more_of_it_to_ischemic_tissue_alone():
    worst, fair, best = (draw_perfusion(score, np.random.default_rng(6)) for score in (0.0, 0.5, 1.0))
    for tissue in ISCHEMIC:
        assert worst[tissue].cbv < fair[tissue].cbv < best[tissue].cbv
        assert worst[tissue].mtt > fair[tissue].mtt > best[tissue].mtt
        assert worst[tissue].delay > fair[tissue].delay > best[tissue].delay
        assert best[tissue].cbf > 1.5 * worst[tissue].cbf
    for tissue in TISSUES[:2]:
        assert worst[tissue] == fair[tissue] == best[tissue]


@pytest.fixture(scope="module")
def baselines():
    random = np.random.default_rng(3)
    return np.array([draw_baseline(random) for _ in range(N)])


@pytest.mark.parametrize(
    ("name", "mean", "spread"),
    [("GREY", 35, 3), ("CSF", 12, 3), ("AIR", -1000, 0), ("ARTERY", 40, 0)],
)
def test_baseline_attenuation_is_the_sheets(baselines, name, mean, spread):
    column = baselines[:, Compartment[name]]
    # Four standard errors of the mean and of the SD of 1000 normal draws.
    assert column.mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(N) + 1e-9)
    assert column.std() == pytest.approx(spread, abs=4 * spread / np.sqrt(2 * N) + 1e-9)


def test_white_matter_is_29_hu_and_down_to_20_in_a_few_patients(baselines):
    white = baselines[:, Compartment.WHITE]
    assert np.median(white) == pytest.approx(29, abs=0.5)
    lower, upper = np.percentile(white, (25, 75))
    assert upper - lower == pytest.approx(2 * 0.6745 * 3, rel=0.2)
    assert 0.06 < (white < 24).mean() < 0.16  # 5 % by the usual spread, 6 % on purpose
    assert 18 < np.percentile(white, 1) < 21.5


def test_bone_measures_about_1000(baselines):
    assert baselines[:, Compartment.SKULL].mean() == pytest.approx(1000, abs=20)
    assert baselines[:, Compartment.SKULL].min() > 700


def test_old_infarcts_are_darker_than_white_matter(baselines):
    assert (baselines[:, Compartment.OLD_INFARCT] < baselines[:, Compartment.WHITE]).all()
