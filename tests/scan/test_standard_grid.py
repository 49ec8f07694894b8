import numpy as np
import pytest
from heads import head
from scipy.spatial.transform import Rotation

from stroke_ctp.common.geometry import PIXEL_MM
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.head_motion import PIVOT, draw_motion
from stroke_ctp.phantom.recruitment import training_cohort
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol
from stroke_ctp.scan.registration import estimate_motion
from stroke_ctp.scan.resampling import SlabFrames
from stroke_ctp.scan.standard_grid import downsample_frames, to_standard_grid

MOTIONS = np.random.default_rng(5).uniform(-4, 4, (8, 3))
"""Shift along columns and rows [mm], angle [deg]."""


def moving_frames(noise_hu=3.0, size=128):
    rng = np.random.default_rng(1)
    motions = [(0, 0, 0), *MOTIONS]
    frames = [head(size, 200, (x, y), angle, enhancement=n) for n, (x, y, angle) in enumerate(motions)]
    return np.stack([f + rng.normal(0, noise_hu, f.shape) for f in frames]).astype(np.float32)


def one_slice(frames, spacing=(PIXEL_MM, PIXEL_MM)):
    """A single level on the standard grid, and its motion."""
    (standard,), (motion,) = to_standard_grid(downsample_frames(frames[:, None], (5.0, *spacing)), [0])
    return standard, motion


def centred(frames):
    first = -63.5 * PIXEL_MM
    return SlabFrames(frames[:, None], (5.0, PIXEL_MM, PIXEL_MM), (0.0, first, first))


def test_smoothing_weights_are_never_subnormal_numbers_which_slow_processors_down():
    impulse = np.zeros((1, 1, 256, 256), np.float32)
    impulse[0, 0, 128, 128] = 1
    smoothed = downsample_frames(impulse, (5.0, 0.9375, 0.9375)).hu
    assert smoothed.sum() == pytest.approx(1, rel=1e-5)
    rows = smoothed[0, 0, :, 128]
    assert not ((rows > 0) & (rows < np.finfo(np.float32).tiny)).any()


def test_known_motion_in_the_plane_is_recovered():
    rigid = estimate_motion(centred(moving_frames())).rigid[1:]
    translation_error = np.hypot(*(rigid[:, :2, 3] - MOTIONS[:, :2]).T)
    angle = np.degrees(np.arctan2(rigid[:, 1, 0], rigid[:, 0, 0]))
    rotation_error = np.abs(angle - MOTIONS[:, 2])
    np.testing.assert_allclose(rigid[:, 2], np.tile([0, 0, 1, 0], (8, 1)), atol=1e-12)
    assert np.median(translation_error) < 0.1
    assert np.median(rotation_error) < 0.1
    assert translation_error.max() < 0.5
    assert rotation_error.max() < 0.5


def test_registered_frames_lie_on_the_first():
    frames = moving_frames(noise_hu=0)
    registered, _ = one_slice(frames)
    skull_before = np.abs(frames[1:] - frames[0]).mean()
    assert np.abs(registered[1:] - registered[0]).mean() < skull_before / 3


def test_a_still_scan_passes_unchanged_through_the_bolus():
    rng = np.random.default_rng(2)
    frames = np.stack([head(enhancement=e) for e in (0, 0, 3, 8, 8, 4)])
    frames = (frames + rng.normal(0, 5, frames.shape)).clip(-1000).astype(np.float32)
    standard, motion = one_slice(frames)
    np.testing.assert_array_equal(motion.rigid, np.tile(np.eye(4), (6, 1, 1)))
    np.testing.assert_allclose(standard, frames, atol=1e-3)


def test_without_a_skull_nothing_moves():
    noise = np.random.default_rng(3).normal(30, 3, (4, 128, 128)).astype(np.float32)
    motion = estimate_motion(centred(noise))
    np.testing.assert_array_equal(motion.rigid, np.tile(np.eye(4), (4, 1, 1)))


@pytest.mark.parametrize(("size", "field_mm"), [(128, 200.0), (160, 220.0), (256, 250.0), (512, 230.0)])
def test_a_disc_keeps_its_size_and_moves_to_the_middle(size, field_mm):
    centres = (np.arange(size) - (size - 1) / 2) * field_mm / size
    x, y = np.meshgrid(centres - 8, centres + 5)
    disc = np.where(np.hypot(x, y) < 60, 40.0, -1000.0).astype(np.float32)[None].repeat(2, axis=0)
    standard, _ = one_slice(disc, (field_mm / size, field_mm / size))
    assert standard.shape == (2, 128, 128)
    inside = standard[0] > -480
    assert inside.sum() * PIXEL_MM**2 == pytest.approx(np.pi * 60**2, rel=0.01)
    rows, columns = np.nonzero(inside)
    assert abs(rows.mean() - 63.5) < 1
    assert abs(columns.mean() - 63.5) < 1
    assert standard[0, 0, 0] == pytest.approx(-1000, abs=1e-3)


def test_rows_and_columns_of_different_spacing_give_square_pixels():
    x, y = np.meshgrid((np.arange(256) - 127.5) * 0.8, (np.arange(128) - 63.5) * 1.6)
    disc = np.where(np.hypot(x, y) < 60, 40.0, -1000.0).astype(np.float32)[None].repeat(2, axis=0)
    inside = one_slice(disc, (1.6, 0.8))[0][0] > -480
    extents = [np.ptp(axis) + 1 for axis in np.nonzero(inside)]
    assert extents == pytest.approx([120 / PIXEL_MM] * 2, abs=1.5)


def test_beyond_the_field_of_view_is_air():
    narrow = np.full((2, 80, 80), 40, np.float32)
    standard, _ = one_slice(narrow, (1.0, 1.0))
    assert standard[0, 64, 64] == pytest.approx(40, abs=0.01)
    assert standard[0, 5, 64] == -1000


def test_downsampling_averages_noise_instead_of_sampling_it():
    frames = np.random.default_rng(4).normal(35, 12, (2, 512, 512)).astype(np.float32)
    standard, _ = one_slice(frames, (0.390625, 0.390625))
    assert standard[0, 30:100, 30:100].std() < 4


def moving_heads(slices, spacing):
    """Slices, counted from the protocol's first, of the embedded cohort's first heads that move, and how they move."""
    heads = []
    for recruit in training_cohort(30, 0):
        first = recruit.slabs[0].protocol.slices[0]
        protocol = Protocol(tuple(first + spacing * np.arange(slices)), spacing, n_frames=8, interval=3.0, noise=3.5)
        motion = draw_motion(8, np.random.default_rng([*recruit.seed, 1]))
        if motion is not None and len(heads) < 5:
            digital = DigitalPatient.draw(recruit.core_ml, np.random.default_rng(recruit.seed))
            hu = digital.scan(protocol, np.random.default_rng([*recruit.seed, 1]))
            heads.append((downsample_frames(hu, (spacing, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)), first, motion))
    return heads


@pytest.fixture(scope="module")
def many_slices():
    return moving_heads(8, 5.0)


@pytest.fixture(scope="module")
def few_slices():
    return moving_heads(5, 10.0)


def true_place(points, first_mm, motion):
    """Where points (x, y, z) of the slab lie after the simulated motion."""
    turn = Rotation.from_euler("XYZ", motion[:3], degrees=True)
    scanner = points[:, ::-1] + [first_mm, 0, 0]
    moved = turn.apply(scanner - PIVOT) + PIVOT + motion[3:] - [first_mm, 0, 0]
    return moved[:, ::-1], turn


@pytest.mark.parametrize(("slab", "levels"), [("many_slices", [2, 6]), ("few_slices", [1, 3])])
def test_nodding_out_of_the_plane_is_recovered(slab, levels, request):
    heads = request.getfixturevalue(slab)
    distances, angles, reaches = [], [], []
    for volumes, first_mm, motions in heads:
        _, (motion, same) = to_standard_grid(volumes, levels)
        assert same is motion
        reaches.append(motion.reach_mm.max())
        z, y, x = np.meshgrid([10.0, 30.0], np.arange(-60, 61, 20.0), np.arange(-50, 51, 20.0), indexing="ij")
        points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
        for rigid, simulated in zip(motion.rigid[1:], motions[1:], strict=True):
            place, turn = true_place(points, first_mm, simulated)
            distances.append(np.linalg.norm(points @ rigid[:3, :3].T + rigid[:3, 3] - place, axis=1).mean())
            found = Rotation.from_matrix(rigid[:3, :3][::-1, ::-1])
            angles.append(np.degrees((found * turn.inv()).magnitude()))
    assert np.median(distances) < 0.5
    assert np.median(angles) < 0.5
    assert max(distances) < 2
    assert max(reaches) > 5  # what they would be without registration


@pytest.mark.parametrize("radii", [(80, 65, 50, 35), (72, 72, 72, 72)], ids=["too flat", "cylinder"])
def test_a_slab_whose_skull_does_not_tell_its_height_moves_within_its_planes(radii):
    y, x = (np.indices((128, 128)) - 63.5) * PIXEL_MM

    def cone(shift_mm):
        rings = [np.abs(np.hypot(x - shift_mm, y * 0.9) - radius) < 4 for radius in radii]
        inside = [np.hypot(x - shift_mm, y * 0.9) < radius for radius in radii]
        return np.select([rings, inside], [900.0, 35.0], -1000.0)

    slabs = np.stack([cone(0), cone(4)]).astype(np.float32)
    slabs += np.random.default_rng(8).normal(0, 3, slabs.shape).astype(np.float32)
    motion = estimate_motion(SlabFrames(slabs, (5.0, PIXEL_MM, PIXEL_MM), (0.0, float(y[0, 0]), float(x[0, 0]))))
    np.testing.assert_allclose(motion.rigid[1, :3, 3], [4, 0, 0], atol=0.2)
    np.testing.assert_allclose(motion.rigid[1, 2], [0, 0, 1, 0], atol=1e-12)


def test_a_thin_slab_moves_within_its_planes_alone(many_slices):
    volumes = many_slices[0][0]
    thin = SlabFrames(volumes.hu[:, 1:4], volumes.spacing, volumes.first)
    _, (low, high) = to_standard_grid(thin, [0, 2])
    for motion in (low, high):
        np.testing.assert_allclose(motion.rigid[:, 2], np.tile([0, 0, 1, 0], (8, 1)), atol=1e-12)
    assert not np.allclose(low.rigid, high.rigid)


def test_a_still_slab_stays_as_it_is(many_slices):
    volumes = many_slices[0][0]
    noise = np.random.default_rng(6).normal(0, 4, (3, *volumes.hu.shape[1:]))
    still = SlabFrames((volumes.hu[:1] + noise).astype(np.float32), volumes.spacing, volumes.first)
    _, (motion, _) = to_standard_grid(still, [1, 3])
    np.testing.assert_array_equal(motion.rigid, np.tile(np.eye(4), (3, 1, 1)))


def test_a_table_that_does_not_move_does_not_hold_the_head_back():
    frames = moving_frames(noise_hu=0)
    alone = estimate_motion(centred(frames)).rigid
    frames[:, 126:, 10:118] = 300
    np.testing.assert_allclose(estimate_motion(centred(frames)).rigid, alone, atol=0.02)
