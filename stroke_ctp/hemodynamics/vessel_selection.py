"""Automatic selection of the arterial input function (AIF)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_detection import require_rise

_SMOOTHING_MM = 1.0
_CANDIDATES = 0.01
"""Share of the brain's voxels with the highest enhancement that are candidates."""
N_VOXELS = 3
"""Averaged into one curve."""
_WEIGHTS = np.array([1.0, 2.0, 1.0, 1.0])
"""Of peak, arrival, width and roughness."""


@dataclass(frozen=True)
class Vessel:
    """A curve measured in a vessel, and its voxels."""

    curve: Float[np.ndarray, " time"]
    """Enhancement [HU]."""
    voxels: Int[np.ndarray, "voxel 3"]
    """Slice, row and column of each."""
    score: float
    """Selection score; comparable within a scan."""


@dataclass(frozen=True)
class Features:
    """Features of each candidate that distinguish arteries from veins and tissue."""

    peak: Float[np.ndarray, " candidate"]
    """[HU]"""
    arrival: Float[np.ndarray, " candidate"]
    """When a fifth of the peak is passed [frame]."""
    width: Float[np.ndarray, " candidate"]
    """At half the peak [frame]; infinite for a curve that does not fall so far."""
    roughness: Float[np.ndarray, " candidate"]
    """Mean absolute second difference over the peak."""

    def scores(self) -> Float[np.ndarray, " candidate"]:
        """High for early, high, narrow and smooth curves; −∞ for curves that do not rise and fall.

        Each feature is divided by its SD over the candidates, and arrival counts twice: an artery beyond an occlusion
        is late, but may look normal otherwise.
        """
        valid = np.isfinite(self.arrival) & np.isfinite(self.width)
        columns = np.stack([self.peak, -self.arrival, -self.width, -self.roughness])[:, valid]
        scores = np.full(len(valid), -np.inf)
        if valid.any():
            spread = np.maximum(columns.std(axis=1, keepdims=True), 1e-9)
            scores[valid] = _WEIGHTS @ ((columns - columns.mean(axis=1, keepdims=True)) / spread)
        return scores


def find_artery(
    rise: Float32[np.ndarray, "time slice height width"],
    inner: Bool[np.ndarray, "slice height width"],
    left: Bool[np.ndarray, "height width"],
) -> Vessel:
    """Arterial input: the best voxels of the hemisphere with the better ones.

    Hemispheres are compared, since arteries beyond an occlusion are late and weak.

    Args:
        rise: Enhancement, from `denoise` [HU].
        inner: Brain away from the bone.
        left: The patient's left of the midline.

    Raises:
        Excluded: No curve rises and falls like an artery's.
    """
    places, curves = _most_enhancing(rise, inner)
    scores = curve_features(curves).scores()
    if np.isfinite(scores).sum() < N_VOXELS:
        raise Excluded(
            "perfusion",
            f"{N_VOXELS} voxels or more must rise and fall to half their peak as an artery does, got "
            f"{np.isfinite(scores).sum()}: the scan ended too early; leave it out",
        )
    on_left = left[places[:, 1], places[:, 2]]
    sides = (mean_of_best(places, curves, np.where(side, scores, -np.inf)) for side in (on_left, ~on_left))
    artery = max(sides, key=lambda vessel: vessel.score)
    require_rise(artery.curve, "an artery")
    return artery


def denoise(
    rise: Float32[np.ndarray, "time slice height width"], pixel_mm: tuple[float, float]
) -> Float32[np.ndarray, "time slice height width"]:
    """Smooth enhancement by less than the width of a vessel [HU]; `pixel_mm` is the distance of rows and columns."""
    return gaussian_filter(rise, (0, 0, *(_SMOOTHING_MM / mm for mm in pixel_mm)))


def curve_features(curves: Float[np.ndarray, "candidate time"]) -> Features:
    """Features of enhancement curves with positive peaks."""
    relative = curves / curves.max(axis=1, keepdims=True)
    top = curves.argmax(axis=1)
    mirrored_top = curves.shape[1] - 1 - top
    rise_to_half = _time_to_fall(relative[:, ::-1], mirrored_top, 0.5)
    return Features(
        peak=curves.max(axis=1),
        arrival=top - _time_to_fall(relative[:, ::-1], mirrored_top, 0.2),
        width=rise_to_half + _time_to_fall(relative, top, 0.5),
        roughness=np.abs(np.diff(relative, n=2, axis=1)).mean(axis=1),
    )


def _time_to_fall(
    relative: Float[np.ndarray, "candidate time"], top: Int[np.ndarray, " candidate"], level: float
) -> Float[np.ndarray, " candidate"]:
    """Time from the peak until a curve falls below a level [frame], interpolated; infinite if it does not."""
    below = (relative < level) & (np.arange(relative.shape[1]) > top[:, None])
    first = below.argmax(axis=1)
    rows = np.arange(len(relative))
    before, after = relative[rows, first - 1], relative[rows, first]
    crossing = first - (level - after) / (before - after)
    return np.where(below.any(axis=1), crossing - top, np.inf)


def _most_enhancing(
    rise: Float32[np.ndarray, "time slice height width"], brain: Bool[np.ndarray, "slice height width"]
) -> tuple[Int[np.ndarray, "candidate 3"], Float[np.ndarray, "candidate time"]]:
    places = np.argwhere(brain)
    peaks = rise.max(axis=0)[brain]
    chosen = places[peaks >= np.quantile(peaks, 1 - _CANDIDATES)]
    return chosen, rise[:, *chosen.T].T.astype(np.float64)


def mean_of_best(
    places: Int[np.ndarray, "candidate 3"],
    curves: Float[np.ndarray, "candidate time"],
    scores: Float[np.ndarray, " candidate"],
) -> Vessel:
    """The voxels with the highest scores as one vessel."""
    best = np.argsort(-scores, kind="stable")[:N_VOXELS]
    return Vessel(curves[best].mean(axis=0), places[best], float(scores[best].mean()))
