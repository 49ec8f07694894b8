import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from stroke_ctp.cohort.enhancement import input_mask, smooth
from stroke_ctp.cohort.inputs import Attenuation, Enhancement, Input, Window
from stroke_ctp.common.geometry import AIR_HU

BRAIN, SKULL, SCALP = 45, 50, 54
"""Outer radii of a round head [pixel]."""

Y, X = np.mgrid[:128, :128]
RADIUS = torch.from_numpy(np.hypot(X - 63.5, Y - 63.5))


def _head(brain: float = 35.0, skull: float = 1000.0) -> Tensor:
    image = torch.full((128, 128), AIR_HU)
    image[RADIUS < SCALP] = 40.0
    image[RADIUS < SKULL] = skull
    image[RADIUS < BRAIN] = brain
    return image


def _series(*heads: Tensor) -> Tensor:
    return torch.stack(heads)[None, None].expand(1, 2, -1, -1, -1)


def test_the_brain_mask_holds_the_brain_but_its_rim_and_neither_scalp_nor_skull_nor_air():
    mask = input_mask(_head()[None, None])[0, 0]
    assert mask[RADIUS < BRAIN - 6].all()
    assert not mask[RADIUS >= BRAIN - 2].any()


def test_the_brain_mask_does_not_depend_on_the_scale_of_the_surroundings():
    masks = input_mask(torch.stack([_head(), _head(skull=600.0)])[None])
    assert masks[0, 1][RADIUS < BRAIN - 6].all()
    assert not masks[0, 1][RADIUS >= BRAIN - 2].any()


def test_enhancement_recovers_a_known_rise():
    series = _series(*[_head()] * 4, *[_head(brain=43.0)] * 8)
    frames = Enhancement(reference=None, smoothing_frames=0.0, smoothing_pixels=1.0)(series)
    inside = RADIUS < BRAIN - 8
    assert frames[:, :, :4, inside].abs().max() < 1e-4
    assert (frames[:, :, 4:, inside] - 8.0).abs().max() < 1e-3


def test_a_rise_that_lasts_keeps_its_height_under_the_default_smoothing():
    series = _series(*[_head()] * 6, *[_head(brain=43.0)] * 12)
    frames = Enhancement(reference=None)(series)
    centre = RADIUS < BRAIN - 15
    assert (frames[:, :, 10:, centre] - 8.0).abs().max() < 1e-3
    assert frames[:, :, 0, centre].abs().max() < 1e-3


def test_enhancement_does_not_depend_on_the_strength_of_the_bolus():
    def scan(bolus: float) -> Tensor:
        core = _head(brain=35.0 + bolus)
        core[40:70, 30:50] = 35.0 + 0.2 * bolus
        return _series(*[_head()] * 4, *[core] * 12)

    weak, strong = Enhancement()(scan(2.0)), Enhancement()(scan(8.0))
    torch.testing.assert_close(weak, strong, rtol=1e-4, atol=1e-4)
    both = Enhancement()(torch.cat([scan(2.0), scan(8.0)]))
    torch.testing.assert_close(both, torch.cat([weak, strong]))
    measured = Enhancement(smoothing_frames=0.0, smoothing_pixels=0.0)(scan(2.0))
    healthy, infarcted = measured[0, 0, :, 64, 80], measured[0, 0, :, 55, 40]
    assert float(healthy.mean()) == pytest.approx(4.0, rel=1e-4)  # the reference
    assert float(infarcted.mean()) == pytest.approx(0.8, rel=1e-4)


def test_a_brain_that_does_not_enhance_is_not_enlarged_to_the_reference():
    frames = Enhancement()(_series(*[_head()] * 4, *[_head(brain=35.01)] * 8))
    assert frames.abs().max() < 0.2


def test_enhancement_is_zero_outside_the_brain_whatever_happens_there():
    changed = _head(brain=43.0, skull=400.0)
    changed[RADIUS >= SCALP] = -700.0
    frames = Enhancement()(_series(*[_head()] * 4, *[changed] * 8))
    assert not frames[..., RADIUS >= BRAIN].any()


def test_a_change_of_the_skull_does_not_leak_into_the_brain():
    frames = Enhancement()(_series(*[_head()] * 4, *[_head(skull=2000.0)] * 8))
    assert frames.abs().max() < 1e-3


def test_the_number_of_baseline_frames_is_as_configured():
    series = _series(_head(30.0), _head(30.0), _head(40.0), _head(40.0), _head(50.0))
    frames = Enhancement(n_baseline=2, reference=None, smoothing_frames=0.0, smoothing_pixels=0.0)(series)
    assert frames[0, 0, :, 64, 64].tolist() == pytest.approx([0, 0, 10, 10, 20], abs=1e-4)


def test_changes_beyond_the_ceiling_are_clipped_either_way():
    vessel = _head()
    vessel[54:74, 54:64] = 135.0
    vessel[54:74, 70:80] = 5.0
    plain = {"reference": None, "smoothing_frames": 0.7, "smoothing_pixels": 1.0}
    frames = Enhancement(**plain)(_series(*[_head()] * 4, *[vessel] * 8))
    assert float(frames.max()) == pytest.approx(20.0, abs=1e-4)
    assert float(Enhancement(ceiling=60.0, **plain)(_series(*[_head()] * 4, *[vessel] * 8)).max()) == pytest.approx(
        60.0, abs=1e-4
    )
    assert float(frames[0, 0, 8, 64, 75]) == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize(("sigma", "radius"), [(0.7, 2), (1.0, 3), (2.0, 6), (1.5, 4)])
@pytest.mark.parametrize("where", ["time", "plane"])
def test_smoothing_equals_scipys_gaussian_filter(sigma: float, radius: int, where: str):
    frames = np.random.default_rng(0).normal(size=(2, 2, 9, 20, 17))
    expected = frames
    for axis in (2,) if where == "time" else (3, 4):
        expected = gaussian_filter1d(expected, sigma, axis=axis, mode="nearest", radius=radius)
    sigmas = (sigma, 0.0) if where == "time" else (0.0, sigma)
    np.testing.assert_allclose(smooth(torch.from_numpy(frames), *sigmas).numpy(), expected, atol=1e-10)


def test_smoothing_by_zero_changes_nothing():
    frames = torch.randn(1, 2, 4, 8, 8)
    assert torch.equal(smooth(frames, 0.0, 0.0), frames)


def test_a_window_clips_and_leaves_what_lies_within():
    hu = torch.tensor([-1000.0, -0.1, 0.0, 37.5, 100.0, 101.0, 3000.0]).reshape(1, 1, 1, 1, 7)
    assert Window()(hu).flatten().tolist() == [0.0, 0.0, 0.0, 37.5, 100.0, 100.0, 100.0]
    assert Window(low=20.0, high=50.0)(hu).flatten().tolist() == [20.0, 20.0, 20.0, 37.5, 50.0, 50.0, 50.0]


def test_attenuation_is_the_series_itself():
    hu = 1000 * torch.randn(1, 2, 3, 8, 8)
    assert torch.equal(Attenuation()(hu), hu)


@pytest.mark.parametrize(
    "given",
    [
        Enhancement(),
        Window(),
        Attenuation(),
        Window(low=20.0, high=60.0),
    ],
)
def test_background_is_what_the_input_makes_of_air(given: Input):
    air = torch.full((1, 2, 6, 32, 32), AIR_HU)
    assert (given(air) == given.background).all()


@pytest.mark.parametrize("given", [Window(), Attenuation()])
def test_fixed_standardization_brings_the_usual_range_to_about_one(given: Input):
    low, high = (0.0, 100.0) if isinstance(given, Window) else (-1000.0, 0.0)
    assert (low - given.mean) / given.scale == -1
    assert (high - given.mean) / given.scale == 1
