"""Conditions of clinical scans that make a core hard to measure, filled evenly by a Latin hypercube."""

import math
from dataclasses import dataclass

from scipy.stats.qmc import LatinHypercube, scale

from stroke_ctp.phantom.scanner import Protocol

_RANGES = {
    "white_hu": (20.0, 32.0),
    "hypodensity_hu": (0.0, 8.0),
    "interval_s": (1.0, 3.0),
    "duration_s": (30.0, 75.0),
    "noise_hu": (2.0, 6.0),
    "lowest_mm": (-25.0, -15.0),
}
"""Of what is spread uniformly; each is a field of `ScanConditions`."""
_LARGEST_CORE_ML = 150.0
_WITHOUT_CORE = 1 / 6
"""Share of patients without any core."""
_WEAK_BOLUS = 1 / 4
"""Share of scans with less contrast than usual."""
_LEAST_DOSE = 0.4
_MOVING = 1 / 4
"""Share of patients that move."""
_SLABS = ((8, 10.0), (16, 5.0), (8, 10.0), (16, 5.0), (3, 10.0))
"""Number and thickness [mm] of slices: 80 mm as most scanners cover, and a short slab in a fifth of the scans."""
_SHORT_SLAB_SHIFT_MM = 20.0
"""A short slab begins that much higher, at the basal ganglia level."""
_OTHERS = ("core", "dose", "motion", "slab")


@dataclass(frozen=True)
class ScanConditions:
    """One scan to be simulated."""

    number: int
    """Counted from 1."""
    white_hu: float
    """Attenuation of white matter without contrast [HU]."""
    hypodensity_hu: float
    """By which attenuation is lower deep in the core [HU]."""
    interval_s: float
    """Between frames, in tenths of a second [s]."""
    duration_s: float
    """From the first to the last frame [s]."""
    noise_hu: float
    """Standard deviation at standard pixels [HU]."""
    core_ml: float
    """Target volume of the whole brain's core [mL]."""
    dose: float
    """Contrast, as a share of what the patient's bolus would have."""
    moving: bool
    """Whether the head moves during the scan."""
    slices: int
    thickness_mm: float
    """Of a slice, and the distance between slices [mm]."""
    lowest_mm: float
    """Centre of the most inferior slice above the basal ganglia level [mm]."""

    @property
    def protocol(self) -> Protocol:
        """How the patient is scanned."""
        centres = tuple(self.lowest_mm + self.thickness_mm * k for k in range(self.slices))
        n_frames = round(self.duration_s / self.interval_s) + 1
        return Protocol(centres, self.thickness_mm, n_frames, self.interval_s, self.noise_hu)


def scan_conditions(n: int, seed: int) -> list[ScanConditions]:
    """Conditions of `n` scans: in each dimension, every n-th part of the range holds one scan."""
    dimensions = len(_RANGES) + len(_OTHERS)
    points = LatinHypercube(dimensions, seed=seed, optimization="random-cd").random(n)
    low, high = zip(*_RANGES.values(), strict=True)
    uniform = scale(points[:, : len(_RANGES)], low, high)
    return [
        _conditions(number, dict(zip(_RANGES, map(float, drawn), strict=True)), *map(float, point[len(_RANGES) :]))
        for number, (drawn, point) in enumerate(zip(uniform, points, strict=True), start=1)
    ]


def _conditions(
    number: int, drawn: dict[str, float], core: float, dose: float, motion: float, slab: float
) -> ScanConditions:
    """One scan from uniform conditions, and from points of the unit interval for the others.

    Cores are quadratic in theirs: half of them are below a quarter of the largest, as in patients.
    """
    slices, thickness = _SLABS[int(slab * len(_SLABS))]
    short = slices * thickness < 80
    interval = round(drawn["interval_s"], 1)
    placed = {
        "interval_s": interval,
        "duration_s": _whole_intervals(drawn["duration_s"], interval),
        "lowest_mm": drawn["lowest_mm"] + _SHORT_SLAB_SHIFT_MM * short,
    }
    return ScanConditions(
        number=number,
        core_ml=_LARGEST_CORE_ML * max(0.0, (core - _WITHOUT_CORE) / (1 - _WITHOUT_CORE)) ** 2,
        dose=1 - (1 - _LEAST_DOSE) * max(0.0, 1 - dose / _WEAK_BOLUS),
        moving=motion < _MOVING,
        slices=slices,
        thickness_mm=thickness,
        **drawn | placed,
    )


def _whole_intervals(duration: float, interval: float) -> float:
    """The nearest duration within the range that is a whole number of intervals [s]."""
    least, most = _RANGES["duration_s"]
    n = min(max(round(duration / interval), math.ceil(least / interval)), math.floor(most / interval))
    return round(n * interval, 1)
