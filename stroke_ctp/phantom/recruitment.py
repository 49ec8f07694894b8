"""Patients of the simulated study: a training cohort, and an external cohort with a domain shift."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import FRAME_INTERVAL_S, N_FRAMES
from stroke_ctp.phantom.scanner import Protocol

MEDIAN_ML = 32.4
"""Median core volume of the article's training cohort [mL]."""
LOG_SD = 1.0
"""Spread of the logarithm of core volumes: an assumption, the article does not give it."""
LEAST_DURATION_S = N_FRAMES * FRAME_INTERVAL_S
"""Of a scan that can be included [s]."""

Fault = Literal["short", "coarse", "truncated"]


@dataclass(frozen=True)
class ScanPlan:
    """One planned scan of a patient."""

    protocol: Protocol
    level_slices: tuple[int | None, int | None]
    """Of each of `LEVELS` the slice, counted from 0; None where the slab does not hold the level."""


@dataclass(frozen=True)
class Recruit:
    """A patient to be simulated."""

    patient: str
    seed: tuple[int, int, int]
    """Seed of everything that is drawn for this patient."""
    core_ml: float
    """Target core volume [mL]; of the segmentation if there is one."""
    slabs: tuple[ScanPlan, ...]
    segmented: bool = False
    """Whether the label is a segmentation (which differs from the true core) instead of a volume."""
    fault: Fault | None = None
    """Why the scan cannot be included."""


def training_cohort(n: int, seed: int, duration_s: float = LEAST_DURATION_S) -> list[Recruit]:
    """`n` patients that can be included, and 17 per 217 that cannot, as in the article.

    A frame every 1.5 s, five slices, volumes log-normal with the median of the patients that can be
    included at 32.4 mL.

    Args:
        n: Patients that can be included.
        seed: Of all that is drawn.
        duration_s: Of their scans, frames × interval [s].
    """
    random = np.random.default_rng([seed, 1])
    faults = _shuffled_faults(n, ("short", "coarse", "truncated"), round(n * 17 / 217), random)
    volumes = iter(_volumes_around_median(n, random))
    recruits = []
    for number, fault in enumerate(faults, start=1):
        core_ml = float(np.exp(np.log(MEDIAN_ML) + LOG_SD * random.normal())) if fault else next(volumes)
        slab = _training_slab(fault, duration_s, random)
        recruits.append(Recruit(f"T{number:03d}", (seed, 1, number), core_ml, (slab,), fault=fault))
    return recruits


def external_cohort(n: int, seed: int, duration_s: float = LEAST_DURATION_S) -> list[Recruit]:
    """`n` patients that can be included, and 40 per 23 that cannot, as in the article.

    Shifted as ISLES 2018 is from the article's centre: 1 s sampling, more noise, fewer slices, every second
    patient in two slabs, labels from a segmentation. Just over half, 12 of 23, are above 32.4 mL.

    Args:
        n: Patients that can be included.
        seed: Of all that is drawn.
        duration_s: Of the shortest of their scans [s].
    """
    random = np.random.default_rng([seed, 2])
    faults = _shuffled_faults(n, ("short",), round(n * 40 / 23), random)
    volumes = iter(_volumes_on_both_sides(n, random))
    recruits = []
    for number, fault in enumerate(faults, start=1):
        core_ml = float(np.exp(np.log(MEDIAN_ML) + LOG_SD * random.normal())) if fault else next(volumes)
        slabs = _external_slabs(fault, duration_s, random)
        recruits.append(Recruit(f"E{number:03d}", (seed, 2, number), core_ml, slabs, segmented=True, fault=fault))
    return recruits


def _shuffled_faults(
    n: int, kinds: tuple[Fault, ...], n_faulty: int, random: np.random.Generator
) -> list[Fault | None]:
    """The fault of each of `n` + `n_faulty` scans, None for most, in random order."""
    faults: list[Fault | None] = [None] * n
    faults += [kinds[k % len(kinds)] for k in range(n_faulty)]
    return [faults[k] for k in random.permutation(len(faults))]


def _volumes_around_median(n: int, random: np.random.Generator) -> Float[np.ndarray, " n"]:
    if n == 0:
        return np.zeros(0)
    volumes = np.exp(random.normal(0, LOG_SD, n))
    return MEDIAN_ML * volumes / np.median(volumes)


def _volumes_on_both_sides(n: int, random: np.random.Generator) -> Float[np.ndarray, " n"]:
    """Log-normal volumes, (n + 1) // 2 of them above the median and none within 2 % of it."""
    distance = np.maximum(np.abs(random.normal(0, LOG_SD, n)), 0.02)
    side = np.where(random.permutation(n) < (n + 1) // 2, 1, -1)
    return MEDIAN_ML * np.exp(side * distance)


def _training_slab(fault: Fault | None, duration_s: float, random: np.random.Generator) -> ScanPlan:
    basal_ganglia = int(random.integers(0, 3))
    offset = random.normal(0, 1.5)
    slices = tuple(float(10 * (k - basal_ganglia) + offset) for k in range(5))
    n_frames, interval = round(duration_s / FRAME_INTERVAL_S), FRAME_INTERVAL_S
    if fault == "short":
        n_frames = int(random.integers(20, N_FRAMES))
    elif fault == "coarse":
        n_frames, interval = 16, float(random.choice([3.5, 4.0]))
    protocol = Protocol(slices, 10.0, n_frames, interval, noise=random.uniform(2, 4))
    return ScanPlan(protocol, (basal_ganglia, basal_ganglia + 2))


def _external_slabs(fault: Fault | None, duration_s: float, random: np.random.Generator) -> tuple[ScanPlan, ...]:
    longer = round(duration_s - LEAST_DURATION_S)
    n_frames = int(random.integers(43, 48) if fault == "short" else longer + random.integers(48, 61))
    noise, offset = random.uniform(3, 5), random.normal(0, 2.0)
    if random.random() < 0.5:
        slices = tuple(float(z + offset) for z in (-10, 0, 10, 20))
        return (ScanPlan(Protocol(slices, 10.0, n_frames, 1.0, noise), (1, 3)),)
    lower, upper = (offset, offset + 5), (offset + 20, offset + 25)
    return (
        ScanPlan(Protocol(lower, 5.0, n_frames, 1.0, noise), (0, None)),
        ScanPlan(Protocol(upper, 5.0, n_frames, 1.0, noise), (None, 0)),
    )
