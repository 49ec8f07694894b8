"""Near-duplicates: copies of a scan share its noise, other scans do not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stroke_ctp.scan.time_resampling import to_standard_times
from stroke_ctp.study.audit.near_duplicates import THRESHOLD, near_duplicates, noise_pattern


def _head(seed: int, anatomy: int) -> np.ndarray:
    """Frames of a head with white noise of 3 HU, correlated between neighbours as after resampling [HU]."""
    tissue = 30 + 5 * gaussian_filter(np.random.default_rng(anatomy).normal(size=(2, 1, 128, 128)), (0, 0, 6, 6)) * 20
    noise = np.random.default_rng(seed).normal(0, 3, (2, 8, 128, 128))
    return tissue + gaussian_filter(noise, (0, 0, 0.5, 0.5))


def _stored(frames: np.ndarray, interval_s: float, start_s: float) -> np.ndarray:
    """Acquired frames at the standard times, as a cohort stores them."""
    times = start_s + interval_s * np.arange(frames.shape[1])
    return np.stack([to_standard_times(level.astype(np.float32), times) for level in frames]).astype(np.float16)


def test_two_scans_of_the_same_anatomy_are_not_copies():
    patterns = {name: noise_pattern(_head(seed, anatomy=0)) for name, seed in (("a", 1), ("b", 2))}
    pairs, largest = near_duplicates(patterns)
    assert pairs == []
    assert 0 < largest < 0.05


@pytest.mark.parametrize("added_hu", [0.01, 1.0, 3.0])
def test_a_copy_with_added_noise_is_found(added_hu: float):
    scan = _head(1, anatomy=0)
    copy = scan + np.random.default_rng(5).normal(0, added_hu, scan.shape)
    ((one, other, correlation),), largest = near_duplicates(
        {"a": noise_pattern(scan), "b": noise_pattern(copy), "c": noise_pattern(_head(3, anatomy=4))}
    )
    assert (one, other) == ("a", "b")
    assert correlation > THRESHOLD > 3 * largest


@pytest.mark.parametrize("interval_s", [1.5, 2.0, 2.9, 3.0])
@pytest.mark.parametrize("start_s", [0.0, 0.7])
@pytest.mark.parametrize("added_hu", [0.01, 0.5, 3.0])
def test_a_copy_is_found_whatever_the_times_of_its_frames(interval_s: float, start_s: float, added_hu: float):
    scan, other = (_stored(_head(seed, anatomy=seed), interval_s, start_s) for seed in (1, 2))
    copy = (scan + np.random.default_rng(5).normal(0, added_hu, scan.shape)).astype(np.float16)
    ((one, found, correlation),), largest = near_duplicates(
        {name: noise_pattern(series) for name, series in (("a", scan), ("b", copy), ("c", other))}
    )
    assert (one, found) == ("a", "b")
    assert correlation > THRESHOLD > 3 * largest


def test_two_scans_with_a_frame_every_3_s_are_not_copies():
    patterns = {name: noise_pattern(_stored(_head(seed, 0), 3.0, 0.0)) for name, seed in (("a", 1), ("b", 2))}
    pairs, largest = near_duplicates(patterns)
    assert pairs == []
    assert 0 < largest < 0.05


@pytest.mark.parametrize("interval_s", [1.5, 2.5, 3.0])
@pytest.mark.parametrize("noise_hu", [0.3, 1.0])
def test_two_scans_with_early_contrast_are_not_copies(interval_s: float, noise_hu: float):
    """Contrast that lifts the brain by the fourth second shows its outline, which is alike in all heads."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    patterns = {}
    for seed, width in ((1, 0.8), (2, 0.82)):
        brain = (x / width) ** 2 + (y / 0.9) ** 2 < 1
        rise = 4 * np.clip(interval_s * np.arange(8) - 3, 0, None)[:, None, None] / 3
        noise = np.random.default_rng(seed).normal(0, noise_hu, (2, 8, 128, 128))
        patterns[str(seed)] = noise_pattern(_stored(np.where(brain, 30 + rise, -1000) + noise, interval_s, 0.0))
    pairs, largest = near_duplicates(patterns)
    assert pairs == []
    assert largest < 0.1


@pytest.mark.parametrize("value", [0.0, 30.0, 500.0])
def test_a_series_without_noise_has_no_pattern(value: float):
    assert noise_pattern(np.full((2, 32, 128, 128), value)) is None


def test_fewer_than_two_patients_have_no_pairs():
    assert near_duplicates({}) == ([], 0.0)
