"""A head that nods brings bone into the slices below the vertex, and contrast must not be seen in it."""

import numpy as np
import pytest
from perfused_head import COLUMNS, PIXEL_MM, ROWS, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.regions import without_bone_next

BONE_HU = 1000.0


def below_sloping_bone(share=0.0, **conditions):
    """Three slices of a head below one whose skull is thicker; the last frame holds that share of it below [HU]."""
    hu, times = head(**conditions)
    radius = np.hypot(ROWS / 82, COLUMNS / 68)
    above = np.where((radius > 0.85) & (radius < 1.08), BONE_HU, hu[:, -1])
    moved = share * np.linspace(0, 1, len(hu))[:, None, None]
    hu[:, -1] = (1 - moved) * hu[:, -1] + moved * above
    return np.concatenate([hu, above[:, None]], axis=1).astype(np.float32), times


@pytest.mark.parametrize("share", [0.1, 0.3])  # up to 3 mm between slices of 10 mm
def test_bone_that_motion_brings_in_from_the_slice_above_is_no_early_contrast(share):
    moving, resting = (find_bolus_passage(*below_sloping_bone(part), PIXEL_MM) for part in (share, 0.0))
    assert moving.n_baseline == resting.n_baseline == find_bolus_passage(*head(), PIXEL_MM).n_baseline


def test_contrast_that_came_before_the_scan_of_a_moving_head_is_refused():
    hu, times = below_sloping_bone(0.1, start=3.0)
    with pytest.raises(Excluded, match="the scan began too late"):
        find_bolus_passage(hu[6:], times[6:] - times[6], PIXEL_MM)


def ball(heights, radius=80.0):
    """Slices of a ball at these heights above its centre [mm]."""
    return np.array(heights)[:, None, None] ** 2 + ROWS**2 + COLUMNS**2 < radius**2


def test_what_lies_below_bone_is_left_out_also_beyond_the_slab():
    """Slices of a ball, of which the one above the slab is known."""
    heights = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    for end in (5, 6, 7):
        slab = ball(heights[:end])
        found, above = without_bone_next(slab, PIXEL_MM), ball([10.0 * end])[0]
        assert not (found[:-1] & ~slab[1:]).any()
        missed = (found[-1] & ~above).sum() / slab[-1].sum()
        assert missed < 0.15  # the ball bends towards its pole, straight lines do not
        assert not (ball([height + 20 for height in heights[:end]]) & ~found).any()


def test_upright_walls_and_single_slices_lose_nothing():
    cylinder = np.repeat(ball([0.0]), 4, axis=0)
    assert (without_bone_next(cylinder, PIXEL_MM) == cylinder).all()
    assert (without_bone_next(ball([70.0]), PIXEL_MM) == ball([70.0])).all()


def test_a_single_slice_of_brain_between_bone_remains():
    slab = np.zeros((3, *ROWS.shape), bool)
    slab[1] = ball([0.0])[0]
    assert (without_bone_next(slab, PIXEL_MM) == slab).all()
