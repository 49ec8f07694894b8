import numpy as np
import pytest
import torch
from boluses import sampled

from stroke_ctp.common.geometry import N_FRAMES
from stroke_ctp.model.condensed_series import CondensedSeries, condense, find_bolus


def _series(noise: float = 0.0, seed: int = 0) -> torch.Tensor:
    """A brain in a skull, both levels; tissue that enhances, and 40 condensed pixels of artery."""
    artery, tissue = sampled(50.0, 3.0, 1.0, 1.5, 48)
    frames = 32 + np.zeros((1, 2, N_FRAMES, 128, 128)) + tissue[:, None, None]
    frames[:, :, :, 60:70, 56:72] = 40 + artery[:, None, None] / 2
    frames += noise * np.random.default_rng(seed).standard_normal(frames.shape)
    return torch.from_numpy(frames.astype(np.float32))


BRAIN = torch.zeros(1, 2, 128, 128, dtype=torch.bool)
BRAIN[:, :, 20:108, 24:104] = True


def test_what_is_not_brain_does_not_enter_a_pixels_mean():
    series = torch.full((1, 2, N_FRAMES, 128, 128), 1000.0)
    series[:, :, :, ::2] = 30.0
    brain = torch.zeros(1, 2, 128, 128, dtype=torch.bool)
    brain[:, :, ::2] = True
    condensed = condense(series, brain)
    assert torch.equal(condensed.inside, torch.full((1, 2, 64, 64), 0.5))
    assert torch.equal(condensed.frames, torch.full((1, 2, N_FRAMES, 64, 64), 30.0))


def test_global_curves_are_those_of_brain_and_artery():
    artery, tissue = sampled(50.0, 3.0, 1.0, 1.5, 48)
    bolus = find_bolus(condense(_series(), BRAIN))
    mean, highest, first = bolus.curves[0].numpy() * bolus.scale.numpy()
    change = (artery - artery[:3].mean()) / 2
    np.testing.assert_allclose(highest, change, atol=0.5)
    np.testing.assert_allclose(first, change, atol=0.5)
    share = 160 / (88 * 80)
    np.testing.assert_allclose(mean, share * change + (1 - share) * (tissue - tissue[:3].mean()), atol=0.05)
    assert bolus.scale.item() == pytest.approx(mean.max(), rel=0.05)


def test_the_noise_is_that_of_a_condensed_pixel():
    bolus = find_bolus(condense(_series(noise=4.0), BRAIN))
    assert (bolus.noise * bolus.scale).item() == pytest.approx(4.0 / 2, rel=0.05)


def test_frames_that_repeat_the_last_one_were_not_acquired():
    series = _series(noise=3.0)
    series[:, :, 21:] = series[:, :, 20:21]
    acquired = find_bolus(condense(series, BRAIN)).acquired[0]
    assert acquired.tolist() == [1.0] * 21 + [0.0] * 11


def test_attenuation_without_contrast_has_no_part_in_the_curves():
    condensed = condense(_series(noise=2.0), BRAIN)
    darker = CondensedSeries(condensed.frames - 9, condensed.inside)
    one, other = find_bolus(condensed), find_bolus(darker)
    torch.testing.assert_close(one.curves, other.curves, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(one.noise, other.noise, atol=1e-5, rtol=1e-4)
