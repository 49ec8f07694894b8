"""Proposals for the two ASPECTS levels, from the lateral ventricles.

At the basal ganglia level the frontal horns are cut, and the deep nuclei and the thalamus lie beside the midline; about
20 mm above, at the supraganglionic level, the bodies of the ventricles take their place (Barber et al., Lancet
2000; Pexman et al., AJNR 2001).

The fluid that all slices show is compared with what a head shows at every height. This gives the probability of each
height of the slab, and with it the probability that a pair of slices is right. The probabilities were checked on
simulated heads only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp, softmax

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.scan.head import head_mask

Rule = Literal["ventricles", "the given level"]
DISTANCE_MM = 20.0
_LEVEL_MM = (0.0, DISTANCE_MM)
"""Heights of the levels."""
_TOLERANCE_MM = 7.5
"""A slice this far from its level is right, or one next to the best slice where slices lie further apart."""
_PRECISION_MM = 4.0
"""A slice twice this far from its level is hardly a candidate."""
_GIVEN_SD_MM = 3.0
"""Readers choose neighbouring slices."""
_LOWEST_MM = np.arange(-80.0, 90.0)
"""Possible heights of the lowest slice above the basal ganglia level: from the neck to the vertex."""
_SIZES = (0.6, 0.8, 1.0, 1.3, 1.6)
"""Possible widths of the ventricles relative to usual ones."""
_MARK_SD = 0.35
_LARGEST_MISFIT = 3.0
"""Log-likelihood that one mark can cost: other fluid, at the skull base or the vertex, is not modelled."""
_INDEPENDENT_MM = 10.0
"""Thinner slices repeat what their neighbours show."""
_EDGE_MM = 6.0
"""Height over which a ventricle appears in slices."""
_FLUID_HU = 11.0
"""Usual cerebrospinal fluid. What lies below the middle between it and the patient's own tissue is fluid."""
_SOFT_HU = (0.0, 80.0)
_TISSUE_RADIUS = 0.6
"""Share of the head's half axes within which the median is that of brain tissue."""
_SMOOTHING_MM = 1.5
# Boxes on both sides of the midline, as shares of the head's half width and half length from its centre.
_BODIES = ((0.07, 0.28), (-0.15, 0.20))
_HORNS = ((0.05, 0.24), (-0.42, -0.15))
_FILLED = 0.25
"""Share of a box that a ventricle of usual width fills."""


@dataclass(frozen=True)
class BaselineSlab:
    """The slices of one scan before contrast, from inferior to superior."""

    baseline: Float[np.ndarray, "slice height width"]
    """[HU]"""
    spacing: tuple[float, float]
    """Between rows and columns [mm]."""
    positions: Float[np.ndarray, " slice"]
    """[mm]"""


@dataclass(frozen=True)
class LevelChoice:
    """A slice for each level."""

    slices: dict[str, tuple[int, int]]
    """By level: slab, and slice in it counted from inferior."""
    rule: Rule
    confidence: float
    """Probability that both slices are right."""


def choose_levels(
    slabs: Sequence[BaselineSlab], given: Mapping[str, tuple[int, int]] | None = None, min_confidence: float = 0.0
) -> LevelChoice:
    """Propose both levels.

    Args:
        slabs: The patient's scans.
        given: Slab and slice of a known level; the other level is proposed to match it.
        min_confidence: Less confident proposals are refused.

    Raises:
        Excluded: No pair of slices shows both levels with this confidence.
    """
    given = given or {}
    places = [(n, k) for n, slab in enumerate(slabs) for k in range(len(slab.positions))]
    if len(places) < 2:
        raise Excluded("level", "two levels need two slices, the patient's scans have one; leave the patient out")
    heights = np.array([slabs[n].positions[k] for n, k in places])
    marks = np.concatenate([slab_marks(slab) for slab in slabs])
    known = {LEVELS.index(level): places.index(place) for level, place in given.items()}
    allowed = heights[None, :] > heights[:, None]
    for level, index in known.items():
        others = np.arange(len(heights)) != index
        allowed[(others, slice(None)) if level == 0 else (slice(None), others)] = False
    if not allowed.any():
        raise Excluded("level", f"{LEVELS[1]} must lie above {LEVELS[0]}, no slice does; correct the manifest")
    low, high, confidence = _best_pair(heights, marks, known, allowed)
    if confidence < min_confidence:
        raise Excluded(
            "level",
            f"levels=auto must see both levels with a confidence of ≥ {min_confidence:.0%}, got {confidence:.0%}: the "
            f"scans may not reach them; give {' and '.join(LEVELS)} in a manifest, or levels=[i,j] to predict, or "
            "preprocess with min_level_confidence=… and confirm what is proposed",
        )
    slices = dict(zip(LEVELS, (places[low], places[high]), strict=True))
    return LevelChoice(slices, "the given level" if given else "ventricles", confidence)


def tolerance_mm(spacing_mm: float) -> float:
    """How far a slice may be from its level and still be right, where slices lie `spacing_mm` apart [mm]."""
    return max(_TOLERANCE_MM, spacing_mm)


def slab_marks(slab: BaselineSlab) -> Float[np.ndarray, "slice 2"]:
    """Fluid where the bodies and where the frontal horns of the ventricles are expected, from 0 to 1, in every slice.

    Args:
        slab: Slices of one scan.
    """
    heads = [head_mask(plane, slab.spacing[0]) for plane in slab.baseline]
    inside = [
        plane[_central(head) & (plane > _SOFT_HU[0]) & (plane < _SOFT_HU[1])]
        for plane, head in zip(slab.baseline, heads, strict=True)
        if head.any()
    ]
    values = np.concatenate(inside) if inside else np.zeros(0)
    highest = (_FLUID_HU + float(np.median(values))) / 2 if values.size else _FLUID_HU
    sigma = [_SMOOTHING_MM / mm for mm in slab.spacing]
    marks = np.zeros((len(heads), 2))
    for index, head in enumerate(heads):
        if head.any():
            smooth = gaussian_filter(slab.baseline[index], sigma)
            marks[index] = _shares((smooth > _SOFT_HU[0]) & (smooth < highest), head)
    return marks


def _shares(fluid: Bool[np.ndarray, "height width"], head: Bool[np.ndarray, "height width"]) -> tuple[float, float]:
    down, right = _from_centre(head)
    shares = []
    for (near, far), (front, back) in (_BODIES, _HORNS):
        box = ((down > front) & (down < back))[:, None] & ((np.abs(right) > near) & (np.abs(right) < far))
        shares.append(min(1.0, float(fluid[box].mean()) / _FILLED) if box.any() else 0.0)
    return shares[0], shares[1]


def _central(head: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    down, right = _from_centre(head)
    return np.asarray(np.hypot(down[:, None], right) < _TISSUE_RADIUS)


def _from_centre(
    head: Bool[np.ndarray, "height width"],
) -> tuple[Float[np.ndarray, " height"], Float[np.ndarray, " width"]]:
    """Distance of every row and column from the middle of the head, relative to half its extent."""
    distances = []
    for axis in (1, 0):
        occupied = np.flatnonzero(head.any(axis=axis))
        half = max(1.0, (occupied[-1] - occupied[0]) / 2)
        distances.append((np.arange(head.shape[1 - axis]) - (occupied[0] + occupied[-1]) / 2) / half)
    return distances[0], distances[1]


def _best_pair(
    heights: Float[np.ndarray, " slice"],
    marks: Float[np.ndarray, "slice 2"],
    known: Mapping[int, int],
    allowed: Bool[np.ndarray, "low high"],
) -> tuple[int, int, float]:
    """The most probable of the allowed pairs of slices, and the probability that it is right."""
    spacing = _spacing(heights)
    above = _LOWEST_MM[:, None] + heights - heights.min()
    log = logsumexp([_log_likelihood(above, marks, size) for size in _SIZES], axis=0)
    log = log * min(1.0, spacing / _INDEPENDENT_MM)
    for level, index in known.items():
        log = log - ((above[:, index] - _LEVEL_MM[level]) / _GIVEN_SD_MM) ** 2 / 2
    probability = softmax(log)
    near = [np.exp(-(((above - level) / _PRECISION_MM) ** 2) / 2) for level in _LEVEL_MM]
    score = np.where(allowed, near[0].T @ (probability[:, None] * near[1]), -1.0)
    low, high = np.unravel_index(int(score.argmax()), score.shape)
    right = [np.abs(above[:, k] - mm) <= tolerance_mm(spacing) for k, mm in zip((low, high), _LEVEL_MM, strict=True)]
    return int(low), int(high), float(probability[right[0] & right[1]].sum())


def _spacing(heights: Float[np.ndarray, " slice"]) -> float:
    """Usual distance between neighbouring slices, of one slab or of several [mm]."""
    gaps = np.diff(np.unique(np.round(heights, 1)))
    return float(np.median(gaps)) if gaps.size else 0.0


def _log_likelihood(
    above: Float[np.ndarray, "candidate slice"], marks: Float[np.ndarray, "slice 2"], size: float
) -> Float[np.ndarray, " candidate"]:
    """Log-likelihood of the marks for every height of the slab, with ventricles of a given size.

    Usual bodies reach from 12 to 28 mm, usual horns from −4 mm into the bodies; narrow horns fill too little of their
    box to be seen.
    """
    bodies = _between(above, DISTANCE_MM - 8 * size, DISTANCE_MM + 8 * size)
    horns = np.clip((size - 0.75) / 0.35, 0, 1) * _between(above, 5 - 9 * size, DISTANCE_MM + 6 * size)
    misfit = [((mark - expected) / _MARK_SD) ** 2 / 2 for mark, expected in zip(marks.T, (bodies, horns), strict=True)]
    return -np.minimum(misfit, _LARGEST_MISFIT).sum(axis=(0, 2))


def _between(
    above: Float[np.ndarray, "candidate slice"], low: float, high: float
) -> Float[np.ndarray, "candidate slice"]:
    """From 0 outside a range of heights to 1 inside."""
    return np.clip((above - low) / _EDGE_MM + 0.5, 0, 1) * np.clip((high - above) / _EDGE_MM + 0.5, 0, 1)
