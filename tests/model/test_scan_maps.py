"""The perfusion network on whole scans: their resampling, and what is said of scans unlike those of the training."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from stroke_ctp.common.geometry import PIXEL_MM, STANDARD_TIMES
from stroke_ctp.hemodynamics.learned_analysis import LearnedLesion, LearnedMaps, LearnedQuality
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.model.learned_reliability import judge_learned
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.scan_maps import _maps
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.standard_grid import StandardSlices

USUAL = LearnedQuality(
    noise_hu=4.0, frame_interval_s=1.5, duration_s=45.0, arrival_s=9.0, slices=4, slab_mm=30.0, cut_by_field=False
)


def scan_of(frames: np.ndarray, times: np.ndarray, pixel_mm: float) -> CTPScan:
    """A scan of two slices that are alike."""
    return CTPScan.simultaneous(frames[:, None].repeat(2, axis=1), times, (8.0, pixel_mm, pixel_mm))


@pytest.mark.parametrize(("pixel_mm", "off_mm"), [(0.9, 0.0), (0.9, 14.0), (1.5, -20.0)])
def test_a_map_returns_to_where_its_tissue_lies_in_the_scan(pixel_mm: float, off_mm: float):
    n = round(230 / pixel_mm)
    y, x = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * pixel_mm] * 2, indexing="ij")
    head = np.hypot(y - off_mm, x) < 80
    spot = np.hypot(y - off_mm - 30, x + 20) < 15
    image = np.where(head, 40.0, -1000.0) + 60 * spot
    times = np.arange(30) * 2.0
    slices = StandardSlices.of(scan_of(np.broadcast_to(image, (30, n, n)), times, pixel_mm))
    assert slices.hu.shape == (2, 32, 128, 128)
    on_grid = (slices.hu[:, 0] > 70).astype(np.float32)
    assert on_grid[0].sum() * PIXEL_MM**2 == pytest.approx(np.pi * 15**2, rel=0.06)
    back = slices.to_scan(on_grid) > 0.5
    assert back.shape == (2, n, n)
    assert 2 * (back & spot).sum() / (back.sum() + 2 * spot.sum()) > 0.95


def test_frames_are_taken_to_the_standard_times_and_noise_is_that_of_the_standard_grid():
    times = np.arange(20) * 3.0
    random = np.random.default_rng(0)
    ramp = np.full((20, 128, 128), 30.0) + times[:, None, None] + random.normal(0, 5, (20, 128, 128))
    slices = StandardSlices.of(scan_of(ramp, times, PIXEL_MM))
    curve = slices.hu[0].mean(axis=(1, 2))
    np.testing.assert_allclose(curve, 30 + STANDARD_TIMES, atol=0.2)
    assert slices.noise_hu[0] == pytest.approx(5.0, rel=0.05)


class Marking(PerfusionNetwork):
    """In place of the network: says of every pixel that it is core, and tells how many levels it saw."""

    levels = 0

    def forward(self, series):
        self.levels = series.inside.shape[1]
        return torch.full((*series.inside.shape[:2], 5, *series.inside.shape[2:]), 20.0)


def test_slices_without_a_brain_are_not_shown_to_the_network_and_hold_nothing():
    frames = np.full((3, 32, 128, 128), 35.0, np.float32)
    slices = StandardSlices(frames, np.full(3, 4.0), ((np.eye(128, dtype=np.float32),) * 2,) * 3)
    brain = np.zeros((3, 128, 128), bool)
    brain[:2, 32:96, 32:96] = True
    network = Marking()
    maps = _maps(network, slices, brain)
    assert network.levels == 2
    assert maps.core.shape == (3, 128, 128)
    np.testing.assert_allclose(maps.core, brain, atol=1e-6)
    assert not maps.cbv[2].any()


def test_a_lesion_is_what_is_more_probable_than_not_in_pieces_of_1_cm2():
    core, late = np.zeros((2, 1, 40, 40), np.float32)
    core[0, :10, :10], core[0, 30:33, 30:33] = 0.6, 0.9  # 4 cm², and a piece of 0.36 cm²
    late[0, :20, :20], late[0, 25:, 25:] = 0.7, 0.4
    lesion = LearnedLesion.of(LearnedMaps(core, late, *np.zeros((3, 1, 40, 40), np.float32)), (10.0, 2.0, 2.0))
    found = lesion.readouts
    assert (found.network_core_ml, found.network_hypoperfused_ml) == (4.0, 16.0)
    assert found.network_expected_core_ml == pytest.approx((100 * 0.6 + 9 * 0.9) * 0.04)
    assert (found.network_mismatch_ml, found.network_mismatch) == (12.0, 4.0)


def test_a_usual_scan_raises_no_doubt():
    assert judge_learned(USUAL, 30.0, None).concerns == ()


@pytest.mark.parametrize(
    ("unlike", "words"),
    [
        ({"noise_hu": 11.2}, "noise is 11.2 HU, more than 10 HU"),
        ({"frame_interval_s": 3.4}, "frames lie 3.4 s apart, not 0.5 to 3 s"),
        ({"frame_interval_s": 0.4}, "frames lie 0.4 s apart"),
        ({"duration_s": 22.0}, "the scan ends after 22 s, before 24 s"),
        ({"arrival_s": 25.5}, "contrast does not arrive within 22 s"),
        ({"arrival_s": None}, "contrast does not arrive within 22 s"),
        ({"cut_by_field": True}, "the brain is cut by the field of view"),
        ({"slices": 1, "slab_mm": 0.0}, "one slice shows the brain"),
    ],
)
def test_what_the_network_was_not_trained_for_needs_caution(unlike: dict[str, float], words: str):
    found = judge_learned(replace(USUAL, **unlike), 30.0, None)
    assert found.level == "caution"
    assert words in found.reasons


def test_noise_that_could_not_be_measured_needs_caution():
    found = judge_learned(replace(USUAL, noise_hu=None), 30.0, None)
    assert found.level == "caution"
    assert "noise could not be measured" in found.reasons


def test_slices_beyond_the_trained_levels_are_a_remark():
    found = judge_learned(replace(USUAL, slab_mm=75.0), 30.0, None)
    assert found.level == "ok"
    assert "some slices of this slab of 75 mm lie outside" in found.reasons


NOTHING = Readouts(**dict.fromkeys([field.name for field in fields(Readouts)], 0.0) | {"defuse3_eligible": False})


@pytest.mark.parametrize(("core_ml", "level"), [(9.0, "caution"), (10.0, "ok"), (70.0, "ok"), (71.0, "caution")])
def test_a_core_20_ml_from_both_of_the_deconvolution_needs_caution(core_ml: float, level: str):
    found = judge_learned(USUAL, core_ml, replace(NOTHING, core_cbv_ml=30.0, core_rcbf_ml=50.0))
    assert found.level == level
    assert ("deconvolution gives 30 and 50 mL" in found.reasons) == (level == "caution")
