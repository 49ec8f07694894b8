"""The scale of CBV and the share of grey matter, against mixtures that are known."""

import numpy as np
import pytest

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.cbv_reference import GREY_CBV, WHITE_CBV, reference_cbv, scale_to_healthy


def brain(grey_share, scale, spread=0.12, vessels=0.0):
    """CBV of 20,000 voxels of both tissues, with a relative spread, and vessels among them."""
    random = np.random.default_rng(0)
    values = np.where(random.random(20000) < grey_share, GREY_CBV, WHITE_CBV)
    values = values * random.normal(1, spread, values.size)
    values[random.random(values.size) < vessels] = 20.0
    return (scale * values).astype(np.float32)


@pytest.mark.parametrize("scale", [0.4, 1.0, 5.0])
@pytest.mark.parametrize("grey_share", [0.22, 0.5, 0.7])
def test_scale_and_share_of_a_mixture_are_found(grey_share, scale):
    found, share = scale_to_healthy(brain(grey_share, scale))
    assert share == pytest.approx(grey_share, abs=0.06)
    assert found == pytest.approx(scale, rel=0.04)


def test_a_reference_of_half_grey_matter_was_a_fifth_too_high_for_a_brain_with_a_quarter():
    assert reference_cbv(0.5) == pytest.approx(2.7, abs=0.01)
    assert reference_cbv(0.5) / np.median(brain(0.22, 1.0)) > 1.2


def test_vessels_do_not_count():
    with_vessels, without = (scale_to_healthy(brain(0.5, 1.0, vessels=share)) for share in (0.05, 0.0))
    assert with_vessels == pytest.approx(without, rel=0.02)


def test_one_tissue_alone_has_the_mean_of_half_grey_and_half_white_matter():
    random = np.random.default_rng(1)
    scale, share = scale_to_healthy((3 * random.normal(1, 0.1, 5000)).astype(np.float32))
    assert share == pytest.approx(0.5, abs=0.01)
    assert scale == pytest.approx(3 / reference_cbv(0.5), rel=0.01)


def test_healthy_brain_without_blood_volume_cannot_be_scaled():
    noise = np.random.default_rng(0).normal(-0.1, 1.0, 2000).astype(np.float32)
    with pytest.raises(Excluded, match="too little contrast for this noise"):
        scale_to_healthy(noise)


@pytest.mark.parametrize("noise", [2.0, 3.0])
def test_noise_that_takes_voxels_below_zero_leaves_the_scale(noise):
    """Noise as large as the signal: without what is below zero, the mean would be too high by 19 and 31 %."""
    values = brain(0.5, 1.0)
    scale, _ = scale_to_healthy(
        (values + noise * np.random.default_rng(1).standard_normal(values.size)).astype(np.float32)
    )
    assert scale == pytest.approx(1.0, rel=0.05)
