"""Scans with little contrast: neither refused for a late start, nor measured on curves that noise has chosen."""

import numpy as np
import pytest
from boluses import gamma_variate
from perfused_head import PIXEL_MM, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_detection import count_baseline_frames, require_rise
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage


def few_vessels(noise=6.0, dose=0.12, first=0):
    """Frames of tissue with few vessels [HU], whose contrast comes after 9 s; and the mask of all voxels."""
    times = np.arange(32) * 1.5
    vessels = dose * gamma_variate(times, start=9.0, peak=150.0)
    tissue = dose * gamma_variate(times, start=10.0, peak=8.0)
    rise = np.where(np.arange(150 * 150).reshape(150, 150) % 500 == 0, vessels[:, None, None], tissue[:, None, None])
    random = np.random.default_rng(1)
    hu = 33 + rise + noise * random.standard_normal(rise.shape)
    return hu[first:, None].astype(np.float32), np.ones((1, 150, 150), bool)


def test_little_contrast_in_noise_is_no_contrast_that_came_before_the_scan():
    assert 6 <= count_baseline_frames(*few_vessels()) <= 11  # 9 to 16 s: the tissue's mean decides


def test_contrast_that_came_before_the_scan_is_told_from_little_contrast_in_the_same_noise():
    with pytest.raises(Excluded, match="the scan began too late"):
        count_baseline_frames(*few_vessels(dose=1.0, first=8))


@pytest.mark.parametrize(("peak", "reason"), [(5.0, "too little contrast for this noise"), (300.0, None)])
def test_a_curve_must_stand_out_from_its_noise(peak, reason):
    noise = np.random.default_rng(0).standard_normal(32)
    curve = gamma_variate(np.arange(32) * 1.5, peak=peak) + noise
    if reason is None:
        require_rise(curve, "an artery")
    else:
        with pytest.raises(Excluded, match=reason):
            require_rise(curve, "an artery")


def test_noise_may_take_a_curve_below_its_baseline_but_contrast_that_washes_out_may_not():
    noise = 0.5 * np.random.default_rng(0).standard_normal(80)
    times = np.arange(80) * 1.0
    curve = gamma_variate(times, peak=5.0) + noise
    curve[-1] = -1.5  # almost a third of the peak, three times the noise
    require_rise(curve, "an artery")
    with pytest.raises(Excluded, match="the scan began too late"):
        require_rise(gamma_variate(times, peak=5.0) + 0.1 * noise - 1.5 * (times > 60), "an artery")


def test_little_contrast_takes_no_more_tissue_for_vessels_than_plenty():
    plenty, little = (find_bolus_passage(*head(dose=dose, noise=5.0), PIXEL_MM) for dose in (1.0, 0.08))
    assert little.tissue.sum() == pytest.approx(plenty.tissue.sum(), rel=0.05)
    assert little.rise[: little.n_baseline + 1, little.tissue].mean(axis=1).min() > -0.1  # 8 % of the peak
