"""How heads move during an acquisition: how many, how far, about which axis."""

import numpy as np
import pytest

from stroke_ctp.phantom.head_motion import PIVOT, draw_motion, source_points

N = 4000
FOREHEAD = np.array([[10.0, -60.0, 0.0]], np.float32)  # z, y, x [mm], as everywhere in this package
TEMPLE = np.array([[10.0, 0.0, 60.0]], np.float32)
VERTEX = np.array([[55.0, 0.0, 0.0]], np.float32)


@pytest.fixture(scope="module")
def motions():
    random = np.random.default_rng(0)
    return [draw_motion(32, random) for _ in range(N)]


def displacement(point, motion):
    return (source_points(point, np.asarray(motion, float)) - point)[0]


def test_58_of_101_heads_stay_still(motions):
    share = np.mean([motion is None for motion in motions])
    assert share == pytest.approx(58 / 101, abs=3 * np.sqrt(0.25 / N))


def test_24_of_101_nod_by_up_to_2_and_19_by_2_to_5_degrees(motions):
    # Amplitudes also vary by 30 %, so that the classes overlap: compare with the stated mixture itself.
    random = np.random.default_rng(1)
    factor = np.abs(random.normal(1, 0.3, (2, 100_000)))
    mild, considerable = random.uniform(0.5, 2, 100_000) * factor[0], random.uniform(2, 5, 100_000) * factor[1]
    final = np.array([0.0 if motion is None else np.abs(motion[-1, 2]) for motion in motions])
    for limit in (1.0, 2.0, 3.5):
        expected = (24 * np.mean(mild > limit) + 19 * np.mean(considerable > limit)) / 101
        assert np.mean(final > limit) == pytest.approx(expected, abs=0.025)


def test_motion_begins_at_rest_and_grows_with_time(motions):
    moving = np.stack([motion for motion in motions if motion is not None])
    assert not moving[:, 0].any()
    size = np.abs(moving).mean(axis=(0, 2))
    assert size[-8:].mean() > 2 * size[:8].mean()
    assert (np.diff(size[::4]) > 0).all()


def test_heads_nod_to_either_side_alike(motions):
    final = np.array([motion[-1, 2] for motion in motions if motion is not None])
    assert np.mean(final > 0) == pytest.approx(0.5, abs=0.05)


def test_first_angle_turns_the_head_in_the_axial_plane():
    moved = displacement(FOREHEAD, (5, 0, 0, 0, 0, 0))
    assert moved[0] == pytest.approx(0, abs=1e-3)  # stays in its slice
    assert np.hypot(*moved[1:]) == pytest.approx(2 * 75 * np.sin(np.deg2rad(2.5)), rel=1e-3)  # 75 mm before the pivot


def test_second_angle_tilts_the_head_sideways():
    moved = displacement(TEMPLE, (0, 5, 0, 0, 0, 0))
    assert moved[1] == pytest.approx(0, abs=1e-3)
    assert np.hypot(moved[0], moved[2]) == pytest.approx(2 * np.hypot(70, 60) * np.sin(np.deg2rad(2.5)), rel=1e-3)


def test_third_angle_nods_the_forehead_out_of_its_slice():
    moved = displacement(FOREHEAD, (0, 0, 5, 0, 0, 0))
    assert moved[2] == pytest.approx(0, abs=1e-3)  # stays in the sagittal plane
    assert abs(moved[0]) == pytest.approx(75 * np.sin(np.deg2rad(5)), rel=0.1)


def test_most_motion_is_nodding_out_of_the_plane(motions):
    """The forehead leaves its slice rather than turning aside within it."""
    moved = np.array([displacement(FOREHEAD, motion[-1]) for motion in motions if motion is not None])
    out_of_plane, aside = np.abs(moved[:, 0]), np.abs(moved[:, 2])
    assert np.median(out_of_plane) > 1.5 * np.median(aside)


def test_translations_are_along_z_y_and_x():
    for axis in range(3):
        motion = np.zeros(6)
        motion[3 + axis] = 4.0
        expected = np.zeros(3)
        expected[axis] = -4.0  # what moved up is seen where it was lower
        np.testing.assert_allclose(displacement(VERTEX, motion), expected, atol=1e-4)


def test_heads_are_rigid_and_turn_about_the_neck():
    points = np.random.default_rng(2).uniform(-80, 80, (30, 3)).astype(np.float32)
    motion = np.array([3.0, -2.0, 5.0, 1.0, -1.0, 2.0])
    moved = source_points(points, motion)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(moved, axis=0), axis=1), np.linalg.norm(np.diff(points, axis=0), axis=1), rtol=1e-4
    )
    pivot = np.array([PIVOT], np.float32)
    np.testing.assert_allclose(source_points(pivot, np.array([9.0, 8, 7, 0, 0, 0])), pivot, atol=1e-4)


def test_a_resting_head_is_seen_where_it_is():
    np.testing.assert_allclose(displacement(FOREHEAD, np.zeros(6)), 0, atol=1e-5)
