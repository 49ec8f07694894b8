"""Proposals for the two ASPECTS levels, from the lateral ventricles.

At the basal ganglia level the frontal horns are cut, and the deep nuclei and the thalamus lie beside the midline; about
20 mm above, at the supraganglionic level, the bodies of the ventricles take their place (Barber et al., Lancet
2000; Pexman et al., AJNR 2001).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.scan.head import head_mask

Rule = Literal["ventricles", "middle slices", "20 mm apart"]
DISTANCE_MM = 20.0
MIN_CONFIDENCE = 0.55
"""Below this confidence the ventricles are not used."""
_DISTANCE_SD_MM = 5.0
_FLUID_HU = (0.0, 21.0)
"""Cerebrospinal fluid; white matter is denser."""
_SMOOTHING_MM = 2.5
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
    """Confidence of the proposal by the ventricles, from 0 to 1."""


def choose_levels(
    slabs: Sequence[BaselineSlab], given: Mapping[str, tuple[int, int]] | None = None
) -> LevelChoice | None:
    """Propose both levels; None if there are fewer than two slices.

    The ventricles decide if their confidence is high enough. Otherwise the levels are the middle slices of the lowest
    and the highest slab or, in a single slab, the middle pair of slices nearest to 20 mm apart.

    Args:
        slabs: The patient's scans.
        given: Slab and slice of a known level; the other level is proposed to match it.
    """
    places = [(n, k) for n, slab in enumerate(slabs) for k in range(len(slab.positions))]
    if len(places) < 2:
        return None
    heights = np.array([slabs[n].positions[k] for n, k in places])
    marks = np.array([ventricle_marks(slabs[n].baseline[k], slabs[n].spacing) for n, k in places])
    allowed = _allowed(places, given or {})
    low, high, confidence = _by_ventricles(heights, marks, allowed)
    if confidence >= MIN_CONFIDENCE:
        return _choice(places[low], places[high], "ventricles", confidence)
    if len(slabs) > 1:
        middle = np.array([k == len(slabs[n].positions) // 2 or (n, k) in (given or {}).values() for n, k in places])
        low, high = _farthest_pair(heights, allowed & middle[:, None] & middle)
        return _choice(places[low], places[high], "middle slices", confidence)
    low, high = _nearest_pair(heights, allowed)
    return _choice(places[low], places[high], "20 mm apart", confidence)


def _allowed(places: Sequence[tuple[int, int]], given: Mapping[str, tuple[int, int]]) -> Bool[np.ndarray, "low high"]:
    """Which pairs of different slices have the levels that are given."""
    low, high = (np.array([given.get(level, place) == place for place in places]) for level in LEVELS)
    return low[:, None] & high & ~np.eye(len(places), dtype=bool)


def _choice(low: tuple[int, int], high: tuple[int, int], rule: Rule, confidence: float) -> LevelChoice:
    return LevelChoice(dict(zip(LEVELS, (low, high), strict=True)), rule, confidence)


def ventricle_marks(baseline: Float[np.ndarray, "height width"], spacing: tuple[float, float]) -> tuple[float, float]:
    """Amount of fluid where the bodies and where the frontal horns of the ventricles are expected, from 0 to 1.

    Args:
        baseline: One slice before contrast [HU].
        spacing: Distance between rows and between columns [mm].
    """
    head = head_mask(baseline, spacing[0])
    if not head.any():
        return 0.0, 0.0
    smooth = gaussian_filter(baseline, [_SMOOTHING_MM / mm for mm in spacing])
    fluid = (smooth > _FLUID_HU[0]) & (smooth < _FLUID_HU[1])
    down, right = (_from_centre(np.asarray(head.any(axis=1 - axis))) for axis in (0, 1))
    shares = []
    for (near, far), (front, back) in (_BODIES, _HORNS):
        box = ((down > front) & (down < back))[:, None] & ((np.abs(right) > near) & (np.abs(right) < far))
        shares.append(min(1.0, float(fluid[box].mean()) / _FILLED) if box.any() else 0.0)
    return shares[0], shares[1]


def _from_centre(occupied: np.ndarray) -> Float[np.ndarray, " n"]:
    """Distance of every row or column from the middle of the occupied ones, relative to half their extent."""
    first, last = np.flatnonzero(occupied)[[0, -1]]
    return (np.arange(len(occupied)) - (first + last) / 2) / max(1.0, (last - first) / 2)


def _by_ventricles(
    heights: Float[np.ndarray, " slice"], marks: Float[np.ndarray, "slice 2"], allowed: Bool[np.ndarray, "low high"]
) -> tuple[int, int, float]:
    """The pair of slices that looks most like the two levels, and its score."""
    bodies, horns = marks.T
    looks = (horns * (1 - bodies))[:, None] + bodies[None, :]
    distance = heights[None, :] - heights[:, None]
    near = np.exp(-0.5 * ((distance - DISTANCE_MM) / _DISTANCE_SD_MM) ** 2)
    score = np.where(allowed & (distance > 0), looks / 2 * near, -1.0)
    low, high = np.unravel_index(int(score.argmax()), score.shape)
    return int(low), int(high), max(0.0, float(score[low, high]))


def _farthest_pair(heights: Float[np.ndarray, " slice"], allowed: Bool[np.ndarray, "low high"]) -> tuple[int, int]:
    rise = np.where(allowed, heights[None, :] - heights[:, None], -np.inf)
    low, high = np.unravel_index(int(rise.argmax()), rise.shape)
    return int(low), int(high)


def _nearest_pair(heights: Float[np.ndarray, " slice"], allowed: Bool[np.ndarray, "low high"]) -> tuple[int, int]:
    """The pair nearest to 20 mm apart, the upper slice above the lower if possible; of equal pairs the middle one."""
    rise = heights[None, :] - heights[:, None]
    middle = np.abs((heights[None, :] + heights[:, None]) / 2 - heights.mean())
    cost = np.round(np.abs(rise - DISTANCE_MM), 3) + 1e-6 * middle + 1e3 * (rise < 0)
    cost = np.where(allowed, cost, np.inf)
    low, high = np.unravel_index(int(cost.argmin()), cost.shape)
    return int(low), int(high)
