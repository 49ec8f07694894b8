"""The scanner on made-up objects: slices, frame times, motion and noise."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from stroke_ctp.phantom.contrast_curves import DURATION, STEP
from stroke_ctp.phantom.scanner import SCANNER_MATRIX, SCANNER_PIXEL_MM, Protocol, acquire, rendering_grid

N_CURVE = round(DURATION / STEP)


def protocol(**changes):
    plain = {"slices": (0.0, 10.0, 20.0), "thickness": 10.0, "n_frames": 3, "interval": 1.5, "noise": 0.0}
    return Protocol(**{**plain, **changes})


def scan(settings, baseline=None, amount=0.0, curve=None, motion=None, seed=0):
    """Acquire an object with attenuation `baseline(z, y, x)` that enhances everywhere by `amount` · `curve`."""
    grid = rendering_grid(settings)
    z, y, x = np.broadcast_arrays(*grid.axes())
    hu = np.zeros(z.shape) if baseline is None else baseline(z, y, x)
    at_frames = np.round(settings.times / STEP).astype(int)
    curves = np.zeros((1, settings.n_frames)) if curve is None else np.asarray(curve, float)[None, at_frames]
    amounts = np.full((1, *z.shape), amount, np.float32)
    return acquire(hu.astype(np.float32), amounts, curves, settings, motion, np.random.default_rng(seed))


def resampled(frames):
    """128 × 128 pixels of 200 mm by linear interpolation, all in SciPy."""
    centre = (SCANNER_MATRIX - 1) / 2
    axis = centre + (np.arange(128) - 63.5) * 200 / 128 / SCANNER_PIXEL_MM
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    flat = frames.reshape(-1, *frames.shape[-2:])
    return np.stack([map_coordinates(image, [rows, columns], order=1) for image in flat]).reshape(
        *frames.shape[:-2], 128, 128
    )


@pytest.fixture(scope="module")
def noise():
    return scan(protocol(n_frames=12, noise=3.0))


@pytest.mark.parametrize("level", [2.0, 3.5, 5.0])
def test_noise_on_the_standard_grid_has_the_protocols_sd(level):
    assert resampled(scan(protocol(n_frames=4, noise=level))).std() == pytest.approx(level, rel=0.05)


def test_noise_has_zero_mean_in_every_frame(noise):
    # A frame holds about 3 · 160² / 6 independent values.
    assert np.abs(noise.mean(axis=(1, 2, 3))).max() < 4 * 3 * 1.2 / np.sqrt(3 * 160**2 / 6)


def test_noise_is_correlated_within_the_plane_only(noise):
    unit = noise / noise.std()
    assert (unit[..., 1:] * unit[..., :-1]).mean() > 0.3
    assert (unit[..., 1:, :] * unit[..., :-1, :]).mean() > 0.3
    assert abs((unit[..., 8:] * unit[..., :-8]).mean()) < 0.02
    assert abs((unit[:, 1:] * unit[:, :-1]).mean()) < 0.02  # neighbouring slices


def test_noise_is_independent_between_frames(noise):
    correlation = np.corrcoef(noise.reshape(12, -1))
    assert np.abs(correlation - np.eye(12)).max() < 0.03


def test_one_seed_gives_one_noise_and_another_seed_another(noise):
    np.testing.assert_array_equal(scan(protocol(n_frames=12, noise=3.0)), noise)
    other = scan(protocol(n_frames=12, noise=3.0), seed=1)
    assert abs(np.corrcoef(other.ravel(), noise.ravel())[0, 1]) < 0.01


@pytest.mark.parametrize(("n_frames", "interval"), [(32, 1.5), (60, 1.0), (20, 3.0), (16, 3.5)])
def test_frames_show_the_curves_at_their_times(n_frames, interval):
    settings = protocol(n_frames=n_frames, interval=interval, slices=(0.0, 10.0))
    frames = scan(settings, amount=2.0, curve=np.arange(N_CURVE) * STEP)
    expected = np.arange(n_frames) * interval
    np.testing.assert_allclose(settings.times, expected)
    np.testing.assert_allclose(frames[:, 1, 80, 80], 2 * expected, rtol=1e-5, atol=1e-4)


def test_enhancement_adds_to_the_baseline():
    frames = scan(protocol(), baseline=lambda z, _y, _x: 30 + 0 * z, amount=0.5, curve=np.full(N_CURVE, 8.0))
    np.testing.assert_allclose(frames, 34, rtol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1.3, -2.2])
def test_slices_lie_where_the_protocol_says(offset):
    slices = tuple(float(10 * k + offset) for k in range(3))
    frames = scan(protocol(slices=slices), baseline=lambda z, _y, _x: z)
    np.testing.assert_allclose(frames[0, :, 80, 80], slices, atol=1e-3)


@pytest.mark.parametrize("thickness", [2.5, 5.0, 10.0])
def test_a_slice_is_the_average_over_about_its_thickness(thickness):
    settings = protocol(slices=(0.0, 30.0), thickness=thickness)
    planes = rendering_grid(settings).z
    planes = planes[np.abs(planes) < 15]
    weights = []
    for plane in planes:  # 2.5 mm of 100 HU
        frames = scan(settings, baseline=lambda z, _y, _x, plane=plane: 100.0 * np.isclose(z, plane))
        weights.append(frames[0, 0, 80, 80] / 100)
        assert frames[0, 1, 80, 80] == pytest.approx(0, abs=1e-3)
    weights = np.array(weights)
    assert weights.sum() == pytest.approx(1, rel=1e-3)
    assert weights @ planes == pytest.approx(0, abs=1e-3)
    assert weights[np.abs(planes) < thickness / 2].sum() > 0.7
    assert weights[np.abs(planes) > thickness].sum() < 1e-3
    # A box of this width, sampled in planes, has this spread.
    assert np.sqrt(weights @ planes**2) >= 0.8 * np.sqrt(max(thickness**2 - 2.5**2, 0) / 12)


def test_point_spread_keeps_the_total_and_stays_in_the_plane():
    frames = scan(protocol(), baseline=lambda _z, y, x: 1e3 * ((np.abs(y - 0.75) < 0.1) & (np.abs(x - 0.75) < 0.1)))
    assert frames[0, 1].sum() == pytest.approx(1e3, rel=1e-3)
    assert 300 < frames[0, 1].max() < 900


def moving(settings, motion):
    return np.tile(np.asarray(motion, float), (settings.n_frames, 1))


def pattern(z, y, x):
    return 100 * np.sin(x / 15) * np.cos(y / 20) + z


def test_a_shifted_head_is_seen_shifted():
    settings = protocol()
    rest = scan(settings, pattern)
    left = scan(settings, pattern, motion=moving(settings, (0, 0, 0, 0, 0, 6 * SCANNER_PIXEL_MM)))
    back = scan(settings, pattern, motion=moving(settings, (0, 0, 0, 0, 4 * SCANNER_PIXEL_MM, 0)))
    np.testing.assert_allclose(left[..., 20:-20], rest[..., 14:-26], atol=0.05)
    np.testing.assert_allclose(back[..., 20:-20, :], rest[..., 16:-24, :], atol=0.05)


def test_a_lifted_head_shows_what_lay_lower():
    settings = protocol()
    lifted = scan(settings, lambda z, _y, _x: z, motion=moving(settings, (0, 0, 0, 4, 0, 0)))
    np.testing.assert_allclose(lifted[0, :, 80, 80], np.array(settings.slices) - 4, atol=0.01)


def test_zero_motion_is_a_resting_head():
    settings = protocol(slices=(0.6, 10.6, 20.6))
    rest, unmoved = scan(settings, pattern), scan(settings, pattern, motion=moving(settings, np.zeros(6)))
    np.testing.assert_allclose(unmoved, rest, atol=0.02)


def test_turning_about_the_long_axis_mixes_no_slices():
    settings = protocol()
    turned = scan(settings, lambda z, _y, _x: z, motion=moving(settings, (6, 0, 0, 0, 0, 0)))
    for image, z in zip(turned[0], settings.slices, strict=True):
        np.testing.assert_allclose(image, z, atol=0.01)


def test_nodding_brings_other_slices_into_the_front_and_the_back_of_an_image():
    settings = protocol()
    nodded = scan(settings, lambda z, _y, _x: z, motion=moving(settings, (0, 0, 4, 0, 0, 0)))[0, 1]
    slope = np.diff(nodded[40:120, 80]) / SCANNER_PIXEL_MM
    np.testing.assert_allclose(np.abs(slope), np.sin(np.deg2rad(4)), rtol=0.05)
    np.testing.assert_allclose(np.diff(nodded[80, 40:120]), 0, atol=0.01)


def test_only_the_frames_that_move_change():
    settings = protocol(n_frames=4)
    motion = np.zeros((4, 6))
    motion[2, 5] = 3.0
    frames = scan(settings, pattern, motion=motion)
    np.testing.assert_array_equal(frames[1], frames[3])
    assert np.abs(frames[2] - frames[1]).max() > 5
