"""The midline of heads whose axis is known, round and wide ones among them."""

import numpy as np
import pytest
from perfused_head import COLUMNS, PIXEL_MM, ROWS, SIZE, head

from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.midline import find_midline
from stroke_ctp.hemodynamics.regions import intracranial_mask

ROUND, WIDE, LONG = (75.0, 75.0), (68.0, 82.0), (82.0, 68.0)
"""Half length and half width [mm]."""


def plain_head(half_axes, angle_deg, ventricles=True, noise=3.0):
    """Two slices of a skull with or without ventricles [HU]."""
    turn = np.deg2rad(angle_deg)
    rows, columns = np.cos(turn) * ROWS - np.sin(turn) * COLUMNS, np.cos(turn) * COLUMNS + np.sin(turn) * ROWS
    radius = np.hypot(rows / half_axes[0], columns / half_axes[1])
    baseline = np.select([radius < 1, radius < 1.08, radius < 1.15], [30.0, 1000.0, 20.0], -1000.0)
    if ventricles:
        baseline[(np.abs(columns) > 3) & (np.abs(columns) < 10) & (rows > -28) & (rows < 20)] = 12
    return baseline + noise * np.random.default_rng(1).standard_normal((2, SIZE, SIZE))


@pytest.mark.parametrize("half_axes", [ROUND, WIDE, LONG])
@pytest.mark.parametrize("angle", [-25.0, 0.0, 12.0])
def test_the_midline_is_that_of_the_ventricles_whatever_the_outline(half_axes, angle):
    """The long axis of the outline is wrong by up to 90° here."""
    frame = plain_head(half_axes, angle)
    midline = find_midline(frame, intracranial_mask(frame, PIXEL_MM), PIXEL_MM)
    assert midline.found
    assert midline.angle_deg == pytest.approx(angle, abs=2)
    leftward, backward = midline.axes((SIZE, SIZE), PIXEL_MM)
    centre = SIZE // 2
    assert abs(leftward[centre, centre]) < 2
    assert backward[-1, centre] > 0 > backward[0, centre]


def test_where_no_axis_stands_out_the_images_axis_through_the_brain_is_taken():
    frame = plain_head(ROUND, 0.0, ventricles=False)
    midline = find_midline(frame, intracranial_mask(frame, PIXEL_MM), PIXEL_MM)
    assert not midline.found
    assert midline.angle_deg == 0
    assert (midline.row_mm, midline.column_mm) == pytest.approx([(SIZE - 1) / 2 * PIXEL_MM[0]] * 2, abs=0.5)


def test_brains_too_far_apart_for_one_head_have_no_midline():
    frame, brain = np.zeros((2, 100, 100)), np.zeros((2, 100, 100), bool)
    brain[0, 48:52, 1:3] = brain[1, 48:52, 97:99] = True
    midline = find_midline(frame, brain, (4.0, 4.0))
    assert not midline.found
    assert (midline.row_mm, midline.column_mm) == pytest.approx((4 * 49.5, 4 * 49.5))


@pytest.mark.parametrize("half_axes", [ROUND, WIDE])
def test_a_symmetric_head_has_a_sinus_behind_its_centre(half_axes):
    """Without noise its long axis ran along the columns exactly, nothing lay behind its centre: an IndexError."""
    hu, times = head(noise=0.0, half_axes=half_axes)
    passage = find_bolus_passage(hu, times, PIXEL_MM)
    assert passage.vein is not None
    assert (passage.vein.voxels[:, 1] > SIZE // 2).all()


def test_the_mirror_image_of_one_side_is_the_other():
    turned = plain_head(LONG, 20.0, noise=0.0)
    midline = find_midline(turned, intracranial_mask(turned, PIXEL_MM), PIXEL_MM)
    inside = np.hypot(ROWS, COLUMNS) < 55
    difference = np.abs(midline.mirrored(turned, PIXEL_MM) - turned)[:, inside]
    assert np.median(difference) < 0.1
    assert difference.mean() < 0.5
