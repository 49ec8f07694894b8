"""The head's anatomy: sizes of an adult, symmetry, and what the two levels show."""

import numpy as np
import pytest

from stroke_ctp.phantom import anatomy as module
from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.digital_patient import BRAIN_GRID
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment

PLANE = np.arange(-119.0, 120.0, 2.0)
LEVELS = Grid(np.array([0.0, 20.0]), PLANE, PLANE)


@pytest.fixture(scope="module")
def heads():
    random = np.random.default_rng(0)
    anatomies = [Anatomy.draw(random) for _ in range(8)]
    return [(anatomy, anatomy.compartments(LEVELS, -1)[0]) for anatomy in anatomies]


def test_200_mm_hold_every_head(heads):
    for _, label in heads:
        for axis in (1, 2):
            occupied = np.flatnonzero((label != Compartment.AIR).any(axis=(0, 3 - axis)))
            assert 120 < 2 * (occupied[-1] - occupied[0] + 1) <= 200


def test_brain_has_the_size_of_an_adults(heads):
    for anatomy, _ in heads:
        inside = anatomy.depth(BRAIN_GRID) > 0
        litres = inside.sum() * BRAIN_GRID.voxel_ml / 1000
        assert litres == pytest.approx(4 / 3 * np.pi * 0.68 * 0.82 * 0.60 * anatomy.size**3, rel=0.02)
        assert 1.1 < litres < 1.7


def test_both_levels_show_cortex_white_matter_fluid_and_bone(heads):
    for _, label in heads:
        for level in label:
            area = {c: 0.04 * (level == c).sum() for c in Compartment}  # [cm²]
            assert area[Compartment.GREY] > 15
            assert area[Compartment.WHITE] > 15
            assert area[Compartment.CSF] > 5
            assert area[Compartment.SKULL] > 15


def test_half_of_the_tissue_is_grey(heads):
    """0.5 to 0.6 of grey and white in adults (Lüders et al., NeuroReport 2002); a ribbon without sulci gave 0.22."""
    shares = []
    for anatomy, _ in heads:
        label, _ = anatomy.compartments(BRAIN_GRID, 1)
        grey, white = ((label == c).sum() for c in (Compartment.GREY, Compartment.WHITE))
        shares.append(grey / (grey + white))
    assert 0.48 < np.mean(shares) < 0.56
    assert 0.45 < min(shares) <= max(shares) < 0.6


def test_sulci_carry_fluid_and_cortex_into_the_brain_but_not_to_its_middle(heads):
    for anatomy, _ in heads[:3]:
        label, depth = anatomy.compartments(BRAIN_GRID, 1)
        away = np.abs(BRAIN_GRID.axes()[2]) > 35  # from ventricles, nuclei and the midline
        at_10_mm, deep = away & (np.abs(depth - 10) < 2), away & (depth > 26)
        assert (label[at_10_mm] == Compartment.CSF).mean() > 0.03
        assert 0.4 < (label[at_10_mm] == Compartment.GREY).mean() < 0.8
        assert (label[deep] == Compartment.GREY).mean() < 0.15


def every_voxel(tubes, z, y, x):
    """Distance of all points to segments, without looking only nearby."""
    inside = np.zeros(np.broadcast_shapes(z.shape, y.shape, x.shape), bool)
    point = np.stack(np.broadcast_arrays(np.abs(x), y, z), axis=-1)
    for start, end, radius in tubes:
        axis = np.subtract(end, start)
        along = np.clip((point - start) @ axis / (axis @ axis), 0, 1)
        inside |= np.linalg.norm(point - start - along[..., None] * axis, axis=-1) < radius
    return inside


def test_vessels_are_all_points_within_their_radius(heads):
    for anatomy, _ in heads[:2]:
        axes = anatomy.head_axes(BRAIN_GRID)
        for tubes, _ in module._VESSELS:
            np.testing.assert_array_equal(module._tubes(tubes, *axes), every_voxel(tubes, *axes))


def test_distance_from_the_ventricles_is_zero_at_their_walls(heads):
    anatomy, label = heads[0]
    distance = anatomy.from_ventricles(LEVELS)
    z, y, x = anatomy.head_axes(LEVELS)
    middle = (np.abs(y) < 25) & (np.abs(z - 20) < 1) & (np.abs(x) < 20) & (np.abs(x) > 4)
    fluid = label == Compartment.CSF
    assert (distance[middle & fluid] < 0).mean() > 0.95
    assert (distance[middle & ~fluid] > 0).mean() > 0.95


def test_whole_head_holds_every_healthy_compartment_and_no_lesion(heads):
    lesion = {c for c in Compartment if c.name.endswith(("CORE", "PENUMBRA", "OLD_INFARCT"))}
    for anatomy, _ in heads[:3]:
        found = {Compartment(c) for c in np.unique(anatomy.compartments(BRAIN_GRID, 1)[0])}
        assert found == set(Compartment) - lesion


def test_bone_encloses_the_brain_and_cortex_the_white_matter(heads):
    for anatomy, label in heads:
        depth = anatomy.depth(LEVELS)
        assert depth[label == Compartment.SKULL].max() <= 0
        assert depth[label == Compartment.SKULL].min() >= -6
        assert (depth[(label == Compartment.GREY) | (label == Compartment.WHITE)] > 0).all()
        shallow = (depth > 2) & (depth < 4)
        deep = (depth > 20) & (np.abs(LEVELS.axes()[2]) > 30)
        assert (label[shallow] == Compartment.GREY).mean() > 2 * (label[shallow] == Compartment.WHITE).mean()
        assert (label[deep] == Compartment.WHITE).mean() > (label[deep] == Compartment.GREY).mean()


@pytest.mark.parametrize("side", [-1, 1])
def test_only_arteries_on_the_occluded_side_fill_through_collaterals(heads, side):
    for anatomy, _ in heads[:3]:
        label, _ = anatomy.compartments(BRAIN_GRID, side)
        x = np.broadcast_to(BRAIN_GRID.axes()[2], label.shape)
        assert (np.sign(x[label == Compartment.COLLATERAL_ARTERY]) == side).all()
        assert ((label == Compartment.ARTERY) & (side * x > 20) & (side * x < 60)).sum() < (
            (label == Compartment.ARTERY) & (side * x < -20) & (side * x > -60)
        ).sum()


def test_a_head_is_the_same_on_every_grid(heads):
    anatomy, label = heads[0]
    part = anatomy.compartments(Grid(LEVELS.z[1:], PLANE[20:90:3], PLANE[::5]), -1)[0]
    np.testing.assert_array_equal(part, label[1:, 20:90:3, ::5])


def test_heads_differ_in_size_and_pose():
    random = np.random.default_rng(1)
    drawn = [Anatomy.draw(random) for _ in range(40)]
    assert np.ptp([a.size for a in drawn]) > 0.05
    assert np.std([a.yaw for a in drawn]) > np.deg2rad(1.5)
    assert np.ptp([a.ventricle_size for a in drawn]) > 0.3
