"""Detection of the bolus, and enhancement above the pre-contrast baseline."""

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import uniform_filter1d

from stroke_ctp.common.errors import Excluded

_MIN_FRAMES = 10
"""Fewer frames cannot show baseline, rise and fall."""
MIN_BASELINE_FRAMES = 2
"""Before the rise: a single frame cannot show that no contrast has arrived."""
_MIN_RISE = 8.0
"""Of a mean curve, relative to its noise."""
_MIN_VESSEL_RISE = 10.0
"""Of the vessels, relative to the noise of a voxel; below it, voxels are chosen by noise that lowers their first
frames, which looks like contrast that is there from the start."""
_VESSELS = 0.005
"""Share of the brain's voxels with the highest rise; their mean gives the arrival, since arteries enhance first."""
_DEEPEST = 0.2
"""Share of its peak by which a curve may fall below its baseline."""
_DEEPEST_NOISE = 4.0
"""Times its noise by which a curve may do so anyway."""
_EVERY = 16
"""One of so many voxels suffices to estimate noise."""
_FOOT = 0.02
"""Share of the vessels' rise above which a frame is no baseline frame."""
_MEDIAN_OF_SECOND_DIFFERENCE = 0.6745 * np.sqrt(6)
"""Median absolute second difference of white noise of unit variance."""


def resample_regularly(
    hu: Float[np.ndarray, "time slice height width"], times: Float[np.ndarray, " time"]
) -> tuple[Float[np.ndarray, "frame slice height width"], float]:
    """Frames at constant intervals, linearly interpolated if they were acquired at others.

    Args:
        hu: Frames [HU].
        times: Acquisition times [s].

    Returns:
        Frames from the first to the last time [HU], and their interval, the median one [s].

    Raises:
        Excluded: There are too few frames.
    """
    if len(times) < _MIN_FRAMES:
        raise Excluded("perfusion", f"perfusion needs ≥ {_MIN_FRAMES} frames, got {len(times)}; leave the scan out")
    step = float(np.median(np.diff(times)))
    if np.allclose(np.diff(times), step, rtol=0, atol=1e-3):
        return hu, step
    regular = np.arange(times[0], times[-1] + 1e-6, step)
    after = np.clip(np.searchsorted(times, regular), 1, len(times) - 1)
    weight = ((regular - times[after - 1]) / (times[after] - times[after - 1])).astype(np.float32)
    weight = weight[:, None, None, None]
    return (1 - weight) * hu[after - 1] + weight * hu[after], step


def count_baseline_frames(
    hu: Float[np.ndarray, "time slice height width"], brain: Bool[np.ndarray, "slice height width"]
) -> int:
    """Number of leading pre-contrast frames.

    A constant, followed by a parabola from the arrival on, is fitted by least squares to the attenuation of the
    brain's vessels up to its peak (Cheong et al., Phys Med Biol 2003). Where they do not stand out from the noise, the
    mean of the brain takes their place.

    Args:
        hu: Frames at constant intervals [HU].
        brain: Mask of the brain.

    Raises:
        Excluded: There is no bolus, or it arrives before the scan begins.
    """
    curves = hu[:, brain]
    mean = curves.mean(axis=1, dtype=np.float64)
    require_bolus(mean)
    smooth = uniform_filter1d(curves, 3, axis=0)
    rise = smooth.max(axis=0) - smooth[0]
    vessels = curves[:, rise >= np.quantile(rise, 1 - _VESSELS)].mean(axis=1, dtype=np.float64)
    if np.ptp(vessels) < _MIN_VESSEL_RISE * _noise(curves[:, ::_EVERY]):
        vessels = mean
    arrival = arrival_frame(vessels)
    # A bolus rises more steeply than a parabola: the frames before may contain its foot.
    while arrival > MIN_BASELINE_FRAMES and _share_of_rise(vessels, arrival) > _FOOT:
        arrival -= 1
    if arrival < MIN_BASELINE_FRAMES:
        raise Excluded(
            "perfusion",
            f"contrast must arrive after {MIN_BASELINE_FRAMES} frames or more, got {arrival}: "
            "the scan began too late; leave it out",
        )
    return arrival


def arrival_frame(curve: Float[np.ndarray, " time"]) -> int:
    """Frame at which a curve starts to rise: best fit of a constant followed by a parabola up to its peak."""
    peak = int(curve.argmax())
    return min(range(1, max(peak, 2)), key=lambda first: _squares_left(curve[: peak + 1], first))


def require_rise(curve: Float[np.ndarray, " time"], what: str) -> None:
    """Require that a curve stands out from its noise and stays above its baseline.

    It does not stand out if the dose of contrast was low; it does not stay above if contrast is there from the start.

    Args:
        curve: Enhancement [HU].
        what: Name of the curve, for the reason.

    Raises:
        Excluded: Its peak is less than eight times its noise, or it falls by more than a fifth of its peak and by more
            than noise explains.
    """
    peak, deepest, noise = float(curve.max()), -float(curve.min()), _noise(curve)
    if not peak >= _MIN_RISE * noise or peak == 0:
        raise Excluded(
            "perfusion",
            f"{what} must rise by ≥ {_MIN_RISE:g} times its noise of {noise:.2f} HU, got {peak:.2f} HU: "
            "too little contrast for this noise; leave it out",
        )
    if deepest > max(_DEEPEST * peak, _DEEPEST_NOISE * noise):
        raise Excluded(
            "perfusion",
            f"{what} must not fall below its baseline by more than {_DEEPEST:.0%} of its peak, got "
            f"{deepest / peak:.0%}: the scan began too late, or the head moved; leave it out",
        )


def enhancement(
    hu: Float[np.ndarray, "time slice height width"], n_baseline: int
) -> tuple[Float32[np.ndarray, "time slice height width"], Float32[np.ndarray, "slice height width"]]:
    """Enhancement above the pre-contrast baseline, and the baseline.

    Args:
        hu: Frames in acquisition order [HU].
        n_baseline: Leading frames before the contrast.

    Returns:
        Rise over the mean baseline frame [HU], and that frame [HU].
    """
    baseline = hu[:n_baseline].mean(axis=0, dtype=np.float32)
    return hu - baseline, baseline


def require_bolus(curve: Float[np.ndarray, " time"]) -> None:
    """Require that the brain's mean rises above its noise.

    Args:
        curve: Attenuation [HU].

    Raises:
        Excluded: It rises by less than eight times its noise before its peak.
    """
    noise = _noise(curve)
    rise = float(curve.max() - curve[: int(curve.argmax()) + 1].min())
    if not rise >= _MIN_RISE * noise or rise == 0:
        raise Excluded(
            "perfusion",
            f"the brain's mean must rise by ≥ {_MIN_RISE:g} times its noise of {noise:.2f} HU, got {rise:.2f} HU: "
            "no bolus in this scan; leave it out",
        )


def _noise(curves: Float[np.ndarray, "time *voxel"]) -> float:
    """Standard deviation of one or several curves' noise, from their second differences."""
    return float(np.median(np.abs(np.diff(curves, n=2, axis=0)))) / _MEDIAN_OF_SECOND_DIFFERENCE


def _share_of_rise(curve: Float[np.ndarray, " time"], arrival: int) -> float:
    """Share of a curve's rise that is reached in the last frame before `arrival`."""
    before = np.median(curve[: arrival - 1])
    return float((curve[arrival - 1] - before) / (curve.max() - before))


def _squares_left(curve: Float[np.ndarray, " rise"], arrival: int) -> float:
    """Sum of squared residuals of a constant before `arrival` and a parabola from there on."""
    since = np.clip(np.arange(len(curve)) - (arrival - 1), 0, None)
    design = np.stack([np.ones(len(curve)), since, since**2], axis=1)
    return float(np.sum((curve - design @ np.linalg.lstsq(design, curve, rcond=None)[0]) ** 2))
