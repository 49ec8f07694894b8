"""A head whose vessels, sides and arrival are known, and scans in which there is nothing to follow."""

import numpy as np
import pytest
from perfused_head import ARTERIES, COLUMNS, PIXEL_MM, ROWS, SINUS, SIZE, disc, head

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_detection import count_baseline_frames, resample_regularly
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.midline import find_midline
from stroke_ctp.hemodynamics.regions import intracranial_mask


def in_discs(vessel, places, radius):
    rows, columns = vessel.voxels[:, 1], vessel.voxels[:, 2]
    return np.logical_or.reduce([disc(place, radius)[rows, columns] for place in places])


@pytest.mark.parametrize("seed", range(3))
def test_the_artery_is_one_before_the_occlusion_and_the_vein_the_sinus(seed):
    passage = find_bolus_passage(*head(seed=seed), PIXEL_MM)
    assert in_discs(passage.artery, ARTERIES[:3], 3.5).all()
    assert in_discs(passage.vein, [SINUS], 6.0).all()
    assert passage.artery.curve.argmax() < passage.vein.curve.argmax()


def test_the_mirror_image_of_a_head_has_the_mirrored_artery():
    hu, times = head(noise=0.5)
    passage = find_bolus_passage(hu[..., ::-1], times, PIXEL_MM)
    mirrored = [(row, -column) for row, column in ARTERIES[:3]]
    assert in_discs(passage.artery, mirrored, 3.5).all()


@pytest.mark.parametrize("start", [5.0, 9.5, 14.0])
def test_the_baseline_ends_when_the_contrast_comes(start):
    passage = find_bolus_passage(*head(start=start), PIXEL_MM)
    last = (passage.n_baseline - 1) * 1.5
    # Two and a half seconds after its start the gamma-variate has come to a fiftieth of its peak.
    assert start - 1.5 <= last <= start + 2.5


@pytest.mark.parametrize("angle", [-20.0, 0.0, 12.0])
def test_the_midline_turns_with_the_head(angle):
    hu, _ = head(angle)
    brain = intracranial_mask(hu[0], PIXEL_MM)
    leftward, backward = find_midline(hu[0], brain, PIXEL_MM).axes((SIZE, SIZE), PIXEL_MM)
    turn = np.deg2rad(angle)
    inside = brain[0]
    np.testing.assert_allclose(leftward[inside], (np.cos(turn) * COLUMNS + np.sin(turn) * ROWS)[inside], atol=2.5)
    np.testing.assert_allclose(backward[inside], (np.cos(turn) * ROWS - np.sin(turn) * COLUMNS)[inside], atol=2.5)


def test_brain_is_what_the_skull_holds_and_tissue_leaves_the_ventricles_out():
    hu, times = head()
    passage = find_bolus_passage(hu, times, PIXEL_MM)
    radius = np.hypot(ROWS / 82, COLUMNS / 68)
    assert passage.brain[:, radius < 0.96].all()
    assert not passage.brain[:, radius > 1.04].any()
    ventricle = (np.abs(COLUMNS) < 6) & (np.abs(ROWS) < 18)
    assert not passage.tissue[:, ventricle].any()
    assert passage.tissue[:, (radius < 0.9) & (np.abs(COLUMNS) > 14)].mean() > 0.98


def test_a_scan_without_contrast_has_no_bolus():
    with pytest.raises(Excluded, match="no bolus in this scan"):
        find_bolus_passage(*head(dose=0.0), PIXEL_MM)


def test_a_drift_of_the_whole_head_is_no_bolus():
    hu, times = head(dose=0.0)
    with pytest.raises(Excluded):
        find_bolus_passage(hu + np.linspace(0, 3, len(hu), dtype=np.float32)[:, None, None, None], times, PIXEL_MM)


def test_contrast_that_came_before_the_scan_is_refused():
    hu, times = head(start=3.0)
    with pytest.raises(Excluded, match="the scan began too late"):
        find_bolus_passage(hu[6:], times[6:] - times[6], PIXEL_MM)


@pytest.mark.parametrize("first", range(7, 15))
def test_contrast_that_came_before_the_scan_is_refused_however_far_it_has_gone(first):
    """Also where the healthy arteries wash out, and the late one beyond the occlusion alone still rises."""
    hu, times = head()
    with pytest.raises(Excluded, match="the scan began too late"):
        find_bolus_passage(hu[first:], times[first:] - times[first], PIXEL_MM)


def test_the_baseline_is_that_of_the_artery_where_veins_rise_more():
    hu, times = head(noise=0.5)
    small = np.logical_or.reduce([disc(place, 2.5) for place in ARTERIES])
    hu[:, :, small] = hu[:1, :, small] + (hu[:, :, small] - hu[:1, :, small]) / 2
    passage = find_bolus_passage(hu, times, PIXEL_MM)
    assert (passage.n_baseline - 1) * 1.5 <= 8.0 + 4.0  # the sinus' contrast comes 6 s after that of the arteries
    assert passage.artery.curve.min() > -0.05 * passage.artery.curve.max()


def test_a_scan_that_ends_before_the_contrast_has_left_the_arteries_is_refused():
    hu, times = head(start=10.0)
    with pytest.raises(Excluded, match="the scan ended too early"):
        find_bolus_passage(hu[:15], times[:15], PIXEL_MM)


def test_too_few_frames_are_refused_with_their_number():
    hu, times = head()
    with pytest.raises(Excluded, match="≥ 10 frames, got 9"):
        find_bolus_passage(hu[:9], times[:9], PIXEL_MM)


def test_a_scan_without_a_brain_is_refused():
    with pytest.raises(Excluded, match="no slice shows a brain"):
        find_bolus_passage(np.full((20, 2, 64, 64), -1000, np.float32), np.arange(20) * 1.5, PIXEL_MM)


def test_irregular_frames_are_interpolated_to_their_median_interval():
    times = np.array([0, 1, 2, 3, 4, 5, 7, 9, 11, 12, 13.0])
    hu = (10 * times)[:, None, None, None] * np.ones((1, 1, 2, 2))
    regular, step = resample_regularly(hu, times)
    assert step == 1.0
    np.testing.assert_allclose(regular[:, 0, 0, 0], 10 * np.arange(14))


def test_regular_frames_are_left_as_they_are():
    hu, times = head(n_frames=12)
    assert resample_regularly(hu, times) == (hu, 1.5)


def test_noise_alone_delays_no_arrival():
    counts = []
    for seed in range(5):
        hu, _ = head(noise=8.0, seed=seed)
        counts.append(count_baseline_frames(hu, intracranial_mask(hu[:2].mean(axis=0), PIXEL_MM)))
    assert max(counts) - min(counts) <= 2
