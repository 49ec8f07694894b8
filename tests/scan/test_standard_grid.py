import numpy as np
import pytest
from heads import head

from stroke_ctp.scan.registration import estimate_motion
from stroke_ctp.scan.standard_grid import SPACING_MM, to_standard_grid

MOTIONS = np.random.default_rng(5).uniform(-4, 4, (8, 3))
"""Shift along columns and rows [mm], angle [deg]."""


def moving_frames(noise_hu=3.0, size=128):
    rng = np.random.default_rng(1)
    motions = [(0, 0, 0), *MOTIONS]
    frames = [head(size, 200, (x, y), angle, enhancement=n) for n, (x, y, angle) in enumerate(motions)]
    return np.stack([f + rng.normal(0, noise_hu, f.shape) for f in frames]).astype(np.float32)


def test_known_motion_is_recovered():
    motion = estimate_motion(moving_frames(), SPACING_MM)[1:]
    translation_error = np.hypot(*(motion[:, 1:] - MOTIONS[:, :2]).T)
    rotation_error = np.abs(np.degrees(motion[:, 0]) - MOTIONS[:, 2])
    assert np.median(translation_error) < 0.1
    assert np.median(rotation_error) < 0.1
    assert translation_error.max() < 0.5
    assert rotation_error.max() < 0.5


def test_registered_frames_lie_on_the_first():
    frames = moving_frames(noise_hu=0)
    registered, _ = to_standard_grid(frames, (SPACING_MM, SPACING_MM))
    skull_before = np.abs(frames[1:] - frames[0]).mean()
    assert np.abs(registered[1:] - registered[0]).mean() < skull_before / 3


def test_a_still_scan_passes_unchanged_through_the_bolus():
    rng = np.random.default_rng(2)
    frames = np.stack([head(enhancement=e) for e in (0, 0, 3, 8, 8, 4)])
    frames = (frames + rng.normal(0, 5, frames.shape)).clip(-1000).astype(np.float32)
    standard, motion = to_standard_grid(frames, (SPACING_MM, SPACING_MM))
    assert not motion.any()
    np.testing.assert_allclose(standard, frames, atol=1e-3)


def test_without_a_skull_nothing_moves():
    noise = np.random.default_rng(3).normal(30, 3, (4, 128, 128)).astype(np.float32)
    assert not estimate_motion(noise, SPACING_MM).any()


@pytest.mark.parametrize(("size", "field_mm"), [(128, 200.0), (160, 220.0), (256, 250.0), (512, 230.0)])
def test_a_disc_keeps_its_size_and_moves_to_the_middle(size, field_mm):
    centres = (np.arange(size) - (size - 1) / 2) * field_mm / size
    x, y = np.meshgrid(centres - 8, centres + 5)
    disc = np.where(np.hypot(x, y) < 60, 40.0, -1000.0).astype(np.float32)[None].repeat(2, axis=0)
    standard, _ = to_standard_grid(disc, (field_mm / size, field_mm / size))
    assert standard.shape == (2, 128, 128)
    inside = standard[0] > -480
    assert inside.sum() * SPACING_MM**2 == pytest.approx(np.pi * 60**2, rel=0.01)
    rows, columns = np.nonzero(inside)
    assert abs(rows.mean() - 63.5) < 1
    assert abs(columns.mean() - 63.5) < 1
    assert standard[0, 0, 0] == -1000


def test_rows_and_columns_of_different_spacing_give_square_pixels():
    x, y = np.meshgrid((np.arange(256) - 127.5) * 0.8, (np.arange(128) - 63.5) * 1.6)
    disc = np.where(np.hypot(x, y) < 60, 40.0, -1000.0).astype(np.float32)[None].repeat(2, axis=0)
    inside = to_standard_grid(disc, (1.6, 0.8))[0][0] > -480
    extents = [np.ptp(axis) + 1 for axis in np.nonzero(inside)]
    assert extents == pytest.approx([120 / SPACING_MM] * 2, abs=1.5)


def test_beyond_the_field_of_view_is_air():
    narrow = np.full((2, 80, 80), 40, np.float32)
    standard, _ = to_standard_grid(narrow, (1.0, 1.0))
    assert standard[0, 64, 64] == pytest.approx(40, abs=0.01)
    assert standard[0, 5, 64] == -1000


def test_downsampling_averages_noise_instead_of_sampling_it():
    frames = np.random.default_rng(4).normal(35, 12, (2, 512, 512)).astype(np.float32)
    standard, _ = to_standard_grid(frames, (0.390625, 0.390625))
    assert standard[0, 30:100, 30:100].std() < 4
