"""Core, penumbra and their volumes in a head whose lesion is known."""

from itertools import pairwise

import numpy as np
import pytest
from perfused_head import ARTERIES, CORE, CORE_MM, PENUMBRA_MM, PIXEL_MM, ROWS, disc, head
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.cbv_reference import reference_cbv
from stroke_ctp.hemodynamics.core_and_penumbra import remove_small_components, segment_lesion
from stroke_ctp.hemodynamics.core_area import core_area
from stroke_ctp.hemodynamics.lesion_definitions import TMAX_LEVELS
from stroke_ctp.hemodynamics.maps import Analysis, perfusion_maps


@pytest.fixture(scope="module")
def passage():
    return find_bolus_passage(*head(noise=1.0), PIXEL_MM)


def dice(found, true):
    return 2 * (found & true).sum() / (found.sum() + 3 * true.sum())


@pytest.mark.parametrize("calibration", ["reference", "venous"])
def test_both_cores_and_the_hypoperfused_tissue_are_where_they_were_put(passage, calibration):
    lesion = segment_lesion(perfusion_maps(passage, PIXEL_MM, Analysis(calibration)), PIXEL_MM)
    assert dice(lesion.core["cbv"], disc(CORE, CORE_MM)) > 0.87
    assert dice(lesion.core["rcbf"], disc(CORE, CORE_MM)) > 0.87
    assert dice(lesion.hypoperfused, disc(CORE, PENUMBRA_MM)) > 0.85
    assert not (lesion.penumbra & (lesion.core["cbv"] | lesion.core["rcbf"])).any()


@pytest.mark.parametrize("calibration", ["reference", "venous"])
def test_the_core_by_cbv_is_where_cbv_once_smoothed_is_low_and_an_artery_in_it_does_not_matter(passage, calibration):
    """Smoothing takes 11 % from the core's edge. The artery took 16 % more, until vessels were left out of it."""
    cbv = np.full(ROWS.shape, 1.04 * 2.6)
    cbv[disc(CORE, PENUMBRA_MM)], cbv[disc(CORE, CORE_MM)] = 1.04 * 2.2, 1.04 * 0.5
    expected = gaussian_filter(cbv, 3.0 / PIXEL_MM[0]) < 1.2
    lesion = segment_lesion(perfusion_maps(passage, PIXEL_MM, Analysis(calibration)), PIXEL_MM)
    assert dice(lesion.core["cbv"], expected) > 0.96


@pytest.mark.parametrize("calibration", ["reference", "venous"])
def test_without_noise_and_smoothing_the_lesion_is_found_to_the_pixel_or_nearly(calibration):
    passage = find_bolus_passage(*head(noise=0.0), PIXEL_MM)
    lesion = segment_lesion(perfusion_maps(passage, PIXEL_MM, Analysis(calibration, smoothing_mm=0.0)), PIXEL_MM)
    core, hypoperfused = disc(CORE, CORE_MM), disc(CORE, PENUMBRA_MM)
    for found, true in ((lesion.core["cbv"], core), (lesion.core["rcbf"], core), (lesion.hypoperfused, hypoperfused)):
        assert 2 * (found & true).sum() / (found.sum() + 3 * true.sum()) > 0.98
        assert found.sum() == pytest.approx(3 * true.sum(), rel=0.03)


def test_an_artery_of_which_half_a_voxel_is_seen_gives_the_same_maps_once_corrected_by_the_vein():
    hu, times = head(noise=0.5)
    whole = find_bolus_passage(hu, times, PIXEL_MM)
    halved = hu.copy()
    inside = np.logical_or.reduce([disc(place, 2.5) for place in ARTERIES])
    before = hu[:4].mean(axis=0)[:, inside]
    halved[:, :, inside] = before + (hu[:, :, inside] - before) / 2
    half = find_bolus_passage(halved, times, PIXEL_MM)
    maps = [perfusion_maps(passage, PIXEL_MM, Analysis("venous")) for passage in (whole, half)]
    assert maps[1].partial_volume == pytest.approx(2 * maps[0].partial_volume, rel=0.1)
    healthy = maps[0].healthy
    assert np.median(maps[1].cbv[healthy]) == pytest.approx(np.median(maps[0].cbv[healthy]), rel=0.02)


def test_calibration_by_the_vein_gives_the_cbv_that_the_head_was_made_of(passage):
    maps = perfusion_maps(passage, PIXEL_MM, Analysis("venous"))
    assert np.median(maps.cbv[maps.healthy]) == pytest.approx(1.04 * 2.6, rel=0.02)


def test_calibration_by_reference_gives_the_other_hemisphere_the_cbv_of_healthy_brain(passage):
    maps = perfusion_maps(passage, PIXEL_MM, Analysis("reference"))
    assert maps.grey_share == 0.5  # the head has one tissue only
    assert np.median(maps.cbv[maps.healthy]) == pytest.approx(reference_cbv(0.5), rel=0.02)


def test_mtt_is_cbv_over_cbf_and_everything_is_0_outside_tissue(passage):
    maps = perfusion_maps(passage, PIXEL_MM, Analysis())
    inside = passage.tissue & (maps.cbf > 1)
    np.testing.assert_allclose(maps.mtt[inside], 60 * maps.cbv[inside] / maps.cbf[inside], rtol=1e-5)
    for values in (maps.cbf, maps.cbv, maps.mtt, maps.tmax, maps.ttp):
        assert not values[~passage.tissue].any()


def test_ttp_counts_from_the_last_frame_before_the_contrast():
    hu, times = head(occluded=False, noise=0.0)
    passage = find_bolus_passage(hu, times, PIXEL_MM)
    maps = perfusion_maps(passage, PIXEL_MM, Analysis(smoothing_mm=0.0))
    healthy = disc((0.0, 35.0), 8.0)  # of one curve, which is the highest at 22.5 s
    assert times[passage.n_baseline - 1] == 10.5  # the first frame with contrast is that of 12 s
    assert (maps.ttp[:, healthy] == 22.5 - 10.5).all()


def test_the_lesion_of_the_mirrored_head_is_mirrored():
    hu, times = head(noise=1.0)
    lesions = [
        segment_lesion(perfusion_maps(find_bolus_passage(frames, times, PIXEL_MM), PIXEL_MM, Analysis()), PIXEL_MM)
        for frames in (hu, np.ascontiguousarray(hu[..., ::-1]))
    ]
    there, back = lesions[0].core["cbv"], lesions[1].core["cbv"][..., ::-1]
    assert (there ^ back).sum() < 0.05 * there.sum()


def test_later_tissue_lies_within_late_tissue(passage):
    lesion = segment_lesion(perfusion_maps(passage, PIXEL_MM, Analysis()), PIXEL_MM)
    assert list(lesion.late) == [*TMAX_LEVELS]
    masks = list(lesion.late.values())
    assert all(not (later & ~late).any() for late, later in pairwise(masks))


def test_a_head_without_an_occlusion_has_no_core():
    maps = perfusion_maps(find_bolus_passage(*head(occluded=False), PIXEL_MM), PIXEL_MM, Analysis())
    lesion = segment_lesion(maps, PIXEL_MM)
    assert not lesion.core["cbv"].any()
    assert not lesion.core["rcbf"].any()


@pytest.mark.parametrize("side", [-1, 1])
def test_an_infarct_that_is_perfused_again_is_found_on_either_side(side):
    """Nothing is late, so that Tmax does not tell the side."""
    hu, times = head(occluded=False, noise=1.0)
    infarct = disc((CORE[0], side * CORE[1]), CORE_MM)
    before = hu[:4].mean(axis=0)
    hu[:, :, infarct] = before[:, infarct] + 0.25 * (hu[:, :, infarct] - before[:, infarct])
    maps = perfusion_maps(find_bolus_passage(hu, times, PIXEL_MM), PIXEL_MM, Analysis())
    lesion = segment_lesion(maps, PIXEL_MM)
    assert not lesion.hypoperfused.any()
    assert dice(lesion.core["cbv"], infarct) > 0.87


def test_late_tissue_without_any_cbv_is_all_unseen():
    """It was no number, which no threshold noticed and no file could hold."""
    hu, times = head(occluded=False, noise=0.0)
    lesion = disc(CORE, CORE_MM)
    dip, bump = (size * np.exp(-(((times - centre) / 3) ** 2)) for centre, size in ((18, -3), (28, 1)))
    hu[:, :, lesion] = hu[:1, :, lesion] + (dip + bump)[:, None, None].astype(np.float32)
    maps = perfusion_maps(find_bolus_passage(hu, times, PIXEL_MM), PIXEL_MM, Analysis(smoothing_mm=0.0))
    assert (maps.tmax[:, lesion] > 6).mean() > 0.9
    assert not maps.cbv[maps.tmax > 6].any()
    assert maps.truncation.unseen_share == 1


def test_pieces_of_less_than_a_square_centimetre_are_removed_slice_by_slice():
    mask = np.zeros((2, 40, 40), bool)
    mask[:, 2:12, 2:12] = True  # 1 cm² of pixels of 1 mm
    mask[:, 20:29, 20:31] = True  # 0.99 cm², twice above each other
    kept = remove_small_components(mask, (1.0, 1.0))
    assert kept[:, 2:12, 2:12].all()
    assert kept.sum() == 200


def test_the_area_of_a_standard_series_is_that_of_both_levels():
    hu, times = head(noise=1.0)
    offset = (136 - 128) // 2
    series = hu[:, :2, offset:-offset, offset:-offset].swapaxes(0, 1)
    expected = 2 * np.pi * (CORE_MM / 1.5 * 200 / 128 / 10) ** 2  # pixels count as those of the standard grid
    assert 0.8 * expected < core_area(series, "cbv") < expected  # smoothing takes from the edge
    assert times[1] == 1.5


def test_a_series_that_cannot_be_measured_has_no_area():
    assert np.isnan(core_area(np.full((2, 32, 128, 128), -1000, np.float32), "cbv"))


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_smoothing_out_of_range_is_refused(value):
    with pytest.raises(UserError, match=f"smoothing_mm must be a number ≥ 0, got {value}"):
        validated(Analysis, {"smoothing_mm": value})
