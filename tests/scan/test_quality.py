import numpy as np
import pytest
from heads import head

from stroke_ctp.scan.quality import bolus_arrival_s, motion_quality, noise_sd_hu, passage_quality
from stroke_ctp.scan.registration import Motion

TIMES = np.arange(32) * 1.5


def series(arrival_s=12.0, noise_hu=3.0):
    rng = np.random.default_rng(0)
    still = head()
    frames = [still + 8 * (t >= arrival_s) * (still == 32) + rng.normal(0, noise_hu, still.shape) for t in TIMES]
    return np.stack([frames, frames]).astype(np.float32)


@pytest.mark.parametrize("noise_hu", [2.0, 5.0])
def test_noise_is_measured_before_the_bolus(noise_hu):
    frames = series(noise_hu=noise_hu)[0]
    assert noise_sd_hu(frames, TIMES) == pytest.approx(noise_hu, rel=0.05)


@pytest.mark.parametrize("arrival_s", [7.5, 12.0, 30.0])
def test_the_bolus_arrives_when_the_brain_enhances(arrival_s):
    assert bolus_arrival_s(series(arrival_s)) == arrival_s


def test_without_a_bolus_there_is_no_arrival():
    assert bolus_arrival_s(series(arrival_s=99)) is None


def test_motion_is_summed_up_in_millimetres_and_degrees():
    rigid = np.tile(np.eye(4), (3, 1, 1))
    for frame, (angle, x, y) in enumerate([(-2, 3, 4), (1, 0, 1)], start=1):
        cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        rigid[frame, :2, :2] = [[cosine, -sine], [sine, cosine]]
        rigid[frame, :2, 3] = x, y
    motion = Motion(rigid, np.array([0.0, 9.0, 3.0]), np.zeros(3), np.zeros(3), 60.0, in_space=True)
    assert motion_quality([motion]) == {
        "max_translation_mm": 5,
        "median_translation_mm": 1,
        "max_rotation_deg": 2,
        "median_rotation_deg": 1,
        "max_residual_hu": 9,
    }


def test_what_is_left_of_the_brains_enhancement_is_measured_before_frames_that_repeat_the_last():
    curve = np.array([0.0] * 8 + [5, 10, 8, 6, 4, 4, 4] + [4.0] * 17)
    hu = np.stack([np.full((8, 8), 30) + rise for rise in curve])[None].repeat(2, axis=0)
    assert passage_quality(hu, 32) == {"brain_peak_hu": 10.0, "brain_left": 0.4}
    assert passage_quality(hu, 11) == {"brain_peak_hu": 10.0, "brain_left": pytest.approx((5 + 10 + 8) / 30, abs=1e-3)}


def test_without_soft_tissue_there_is_no_passage():
    assert passage_quality(np.full((2, 32, 8, 8), -1000.0), 32) == {"brain_peak_hu": None, "brain_left": None}


def test_without_soft_tissue_there_is_no_noise_and_no_arrival():
    air = np.full((2, 32, 8, 8), -1000.0)
    assert np.isnan(noise_sd_hu(air[0], TIMES))
    assert bolus_arrival_s(air) is None


def test_a_level_of_air_leaves_the_arrival_to_the_other():
    one = np.stack([series(12.0)[0], np.full((32, 128, 128), -1000.0)])
    assert bolus_arrival_s(one) == 12.0
