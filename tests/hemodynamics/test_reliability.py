"""Each concern at its threshold, and the level of several."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from perfused_head import PIXEL_MM, head

from stroke_ctp.hemodynamics import reliability
from stroke_ctp.hemodynamics.measurement_quality import MeasurementQuality
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.hemodynamics.reliability import Concern, Reliability, judge
from stroke_ctp.hemodynamics.scan_analysis import RegisteredScan, analyse_registered
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.motion_correction import correct_motion

GOOD = MeasurementQuality(
    frame_interval_s=1.5,
    longest_interval_s=1.5,
    arrival_s=9.0,
    coverage_s=40.0,
    artery_missing_s=0.0,
    vein_missing_s=0.0,
    tissue_missing_s=0.0,
    late_tissue_missing_s=2.0,
    unseen_share=0.1,
    artery_peak_hu=200.0,
    partial_volume=1.5,
    contrast_to_noise=9.0,
    slices=8,
    motion_in_space=True,
    motion_mm=0.5,
    motion_left_mm=0.1,
    tissue_share=0.78,
    tissue_asymmetry=0.01,
    core_low_ml=25.0,
    core_high_ml=36.0,
    other_side_core_ml=0.0,
    midline_found=True,
    core_rcbf_low_ml=22.0,
    core_rcbf_high_ml=34.0,
    other_side_core_rcbf_ml=0.0,
)
VOLUMES = Readouts(
    core_cbv_ml=30.0,
    core_rcbf_ml=28.0,
    tmax4_ml=120.0,
    hypoperfused_ml=90.0,
    tmax8_ml=60.0,
    tmax10_ml=40.0,
    penumbra_ml=60.0,
    mismatch_cbv=3.0,
    mismatch_rcbf=3.2,
    mismatch_cbv_ml=60.0,
    mismatch_rcbf_ml=62.0,
    hypoperfusion_intensity_ratio=0.44,
    cbv_index=0.7,
    defuse3_eligible=True,
)


def test_a_good_scan_is_ok_without_a_reason():
    assert judge(GOOD, VOLUMES) == Reliability(())
    assert judge(GOOD, VOLUMES).level == "ok"
    assert judge(GOOD, VOLUMES).reasons == ""


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"unseen_share": 0.5, "late_tissue_missing_s": 22.0}, "caution", "(hypoperfused tissue 22 s too early): 50%"),
        ({"unseen_share": 0.7, "vein_missing_s": None}, "unusable", "70% of hypoperfused tissue's CBV is extrapolated"),
        (
            {"unseen_share": 0.5, "late_tissue_missing_s": None, "tissue_missing_s": 9.0},
            "caution",
            "(tissue 9 s too early): 50% of all tissue's CBV",
        ),
        ({"artery_missing_s": 6.0, "coverage_s": 14.0}, "caution", "ends 14 s after the artery's peak"),
        ({"longest_interval_s": 4.5}, "caution", "frames lie up to 4.5 s apart, more than 3 s"),
        ({"arrival_s": 24.0}, "caution", "contrast arrives 24 s after the first frame"),
        ({"contrast_to_noise": 2.0}, "caution", "2.00 times its noise"),
        ({"contrast_to_noise": 0.8}, "unusable", "0.80 times its noise"),
        ({"artery_peak_hu": 25.0}, "caution", "the artery rises by 25 HU"),
        ({"partial_volume": 6.0}, "caution", "multiplied by 6.00"),
        ({"partial_volume": 0.4}, "caution", "multiplied by 0.40"),
        ({"motion_left_mm": 2.2}, "caution", "up to 2.2 mm off"),
        ({"motion_mm": 14.0}, "caution", "moved by 14 mm"),
        (
            {"motion_in_space": False, "slices": 2, "motion_mm": 3.0},
            "caution",
            "planes of 2 slices cannot be corrected",
        ),
        ({"motion_in_space": False, "slices": 2, "motion_mm": 0.4}, "ok", "planes of 2 slices cannot be corrected"),
        ({"tissue_share": 0.3}, "caution", "30% of the inside of the skull"),
        ({"tissue_asymmetry": 0.2}, "caution", "the right half has a tissue share lower by 20%"),
        ({"tissue_asymmetry": -0.2}, "caution", "the left half"),
        ({"midline_found": False}, "caution", "no midline was found"),
        ({"other_side_core_ml": 15.0}, "caution", "15 mL of the other hemisphere meet the CBV core's definition"),
        ({"other_side_core_ml": 60.0}, "unusable", "60 mL of the other hemisphere meet the CBV core's definition"),
        ({"other_side_core_rcbf_ml": 15.0}, "caution", "15 mL of the other hemisphere meet the CBF core's definition"),
        ({"other_side_core_rcbf_ml": 60.0}, "unusable", "60 mL of the other hemisphere meet the CBF core's"),
        ({"core_high_ml": 75.0}, "caution", "the core is 22 to 75 mL if CBV and relative CBF are up to 15% off"),
        ({"core_low_ml": 10.0}, "caution", "the core is 10 to 36 mL"),
        ({"core_rcbf_high_ml": 43.0}, "caution", "the core is 22 to 43 mL"),
        ({"core_rcbf_low_ml": 12.0}, "caution", "the core is 12 to 36 mL"),
    ],
)
def test_a_poor_measurement_has_its_level_and_reason(changes, level, words):
    found = judge(replace(GOOD, **changes), VOLUMES)
    assert found.level == level
    assert len(found.concerns) == 1
    assert words in found.reasons


def test_a_gap_between_frames_needs_caution_but_for_sparse_frames_at_the_end():
    hu, times = head(n_frames=44, noise=1.0)

    def longest(*missing):
        kept = np.delete(np.arange(44), missing)
        scan = CTPScan.simultaneous(hu[kept], times[kept], (10.0, *PIXEL_MM))
        return analyse_registered(RegisteredScan("head", *correct_motion(scan)))

    late, early = longest(35, 36, 37, 38), longest(24, 25)
    assert (late.quality.frame_interval_s, late.quality.longest_interval_s) == (1.5, 1.5)
    assert (early.quality.frame_interval_s, early.quality.longest_interval_s) == (1.5, 4.5)
    assert "frames lie" not in late.reliability.reasons
    assert "frames lie up to 4.5 s apart" in early.reliability.reasons


def test_hypoperfusion_smaller_than_the_core_is_a_concern_unless_both_are_tiny():
    found = judge(GOOD, replace(VOLUMES, hypoperfused_ml=20.0))
    assert found.level == "caution"
    assert "the CBV core of 30 mL is larger than the hypoperfused tissue of 20 mL" in found.reasons
    assert "the CBF core of 28 mL is larger than the hypoperfused tissue of 20 mL" in found.reasons
    tiny = replace(VOLUMES, core_cbv_ml=2.0, core_rcbf_ml=2.0, hypoperfused_ml=1.0)
    sharp = replace(GOOD, core_low_ml=1.0, core_high_ml=3.0, core_rcbf_low_ml=1.0, core_rcbf_high_ml=3.0)
    assert judge(sharp, tiny).level == "ok"


def test_the_range_of_both_cores_together_may_be_20_ml_wide():
    just = replace(GOOD, core_low_ml=24.0, core_high_ml=40.0, core_rcbf_low_ml=20.0, core_rcbf_high_ml=35.0)
    assert judge(just, VOLUMES).level == "ok"
    assert judge(replace(just, core_high_ml=40.1), VOLUMES).level == "caution"


def test_two_sharp_cores_that_do_not_agree_are_a_concern():
    """At 5 HU of noise the CBV core of a simulated patient was 34 mL, by relative CBF 6 mL: 12 mL are true."""
    apart = replace(GOOD, core_low_ml=33.0, core_high_ml=35.0, core_rcbf_low_ml=5.0, core_rcbf_high_ml=7.0)
    found = judge(apart, replace(VOLUMES, core_cbv_ml=34.0, core_rcbf_ml=6.0))
    assert found.level == "caution"
    assert "the core is 5 to 35 mL" in found.reasons
    assert "CBV (34 mL) and CBF (6 mL) do not agree" in found.reasons


def test_a_curve_of_noise_is_not_called_truncated():
    found = judge(replace(GOOD, contrast_to_noise=0.5, artery_missing_s=60.0, unseen_share=0.9), VOLUMES)
    assert "bolus has left" not in found.reasons


def test_the_worst_concern_gives_the_level_and_stands_first():
    found = Reliability(
        (Concern("ok", "a"), Concern("caution", "b"), Concern("unusable", "c"), Concern("caution", "d"))
    )
    assert found.level == "unusable"
    assert found.reasons == "c; b; d; a"


def test_thresholds_of_a_worse_level_lie_beyond_those_of_a_better_one():
    assert reliability.UNUSABLE_CONTRAST_TO_NOISE < reliability.CONTRAST_TO_NOISE
    assert reliability.UNUSABLE_OTHER_SIDE_CORE_ML > reliability.OTHER_SIDE_CORE_ML
    assert reliability.UNUSABLE_UNSEEN_SHARE > reliability.UNSEEN_SHARE


def test_the_documented_thresholds_are_those_that_are_used():
    page = (Path(__file__).parents[2] / "docs" / "perfusion-maps.md").read_text()
    rows = {
        name: [float(n) for cell in cells.split("|")[1:] for n in re.findall(r"\d+\.?\d*", cell)]
        for names, cells in re.findall(r"^\| (`[^|]*`) \|(.*)\|$", page, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    used = {
        "longest_interval_s": [reliability.LONGEST_INTERVAL_S],
        "arrival_s": [reliability.ARRIVAL_S],
        "artery_missing_s": [reliability.ARTERY_MISSING_S],
        "unseen_share": [reliability.UNSEEN_SHARE, reliability.UNUSABLE_UNSEEN_SHARE],
        "artery_peak_hu": [reliability.ARTERY_PEAK_HU],
        "partial_volume": [*reliability.PARTIAL_VOLUME],
        "contrast_to_noise": [reliability.CONTRAST_TO_NOISE, reliability.UNUSABLE_CONTRAST_TO_NOISE],
        "motion_mm": [reliability.MOTION_MM, reliability.IN_PLANE_MOTION_MM],
        "motion_left_mm": [reliability.MOTION_LEFT_MM],
        "tissue_share": [reliability.TISSUE_SHARE],
        "tissue_asymmetry": [reliability.TISSUE_ASYMMETRY],
        "core_high_ml": [reliability.CORE_RANGE_ML],
        "other_side_core_ml": [reliability.OTHER_SIDE_CORE_ML, reliability.UNUSABLE_OTHER_SIDE_CORE_ML],
        "other_side_core_rcbf_ml": [reliability.OTHER_SIDE_CORE_ML, reliability.UNUSABLE_OTHER_SIDE_CORE_ML],
    }
    assert {name: rows[name] for name in used} == used
