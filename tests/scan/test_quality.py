import numpy as np
import pytest
from heads import head

from stroke_ctp.scan.quality import bolus_arrival_s, motion_quality, noise_sd_hu

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
    motion = np.array([[0, 0, 0], [np.deg2rad(-2), 3, 4], [np.deg2rad(1), 0, 1]])
    assert motion_quality(motion) == {
        "max_translation_mm": 5,
        "median_translation_mm": 1,
        "max_rotation_deg": 2,
        "median_rotation_deg": 1,
    }
