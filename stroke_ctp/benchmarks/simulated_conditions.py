"""Simulated scans under ordinary and under poor conditions, with the core that they show."""

from dataclasses import dataclass, replace

import numpy as np

from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.enhancement import enhancement
from stroke_ctp.phantom.head_motion import draw_motion
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, Protocol, acquire, rendering_grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.scan.ctp_scan import CTPScan

_WHITE = (Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE)
_SLABS = ((2, 10.0), (3, 10.0), (6, 5.0), (8, 5.0))
"""Slices, and their thickness [mm]."""


@dataclass(frozen=True)
class Condition:
    """What one scan is like."""

    core_ml: float
    interval_s: float
    duration_s: float
    noise_hu: float
    dose: float
    white_hu: float
    hypodensity_hu: float
    slices: int
    thickness_mm: float
    moves: bool
    ordinary: bool
    """Drawn within usual clinical practice."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Condition":
        """An ordinary scan, or one that is poor in some respects."""
        ordinary = bool(random.random() < 0.4)
        slices, thickness = _SLABS[random.integers(len(_SLABS))]
        return cls(
            core_ml=float(np.exp(random.uniform(np.log(2), np.log(180)))),
            interval_s=float(random.choice([1.0, 1.5, 2.0] if ordinary else [1.0, 1.5, 2.0, 3.0])),
            duration_s=float(random.choice([48.0, 60.0, 75.0] if ordinary else [30.0, 36.0, 42.0, 48.0, 60.0])),
            noise_hu=float(random.uniform(2, 4 if ordinary else 6)),
            dose=float(random.choice([1.0] if ordinary else [1.0, 1.0, 0.5, 0.25])),
            white_hu=float(random.uniform(25 if ordinary else 20, 32)),
            hypodensity_hu=float(random.uniform(0, 3 if ordinary else 8)),
            slices=slices,
            thickness_mm=thickness,
            moves=bool(random.random() < (0.15 if ordinary else 0.4)),
            ordinary=ordinary,
        )


def _patient(condition: Condition, random: np.random.Generator) -> DigitalPatient:
    digital = DigitalPatient.draw(condition.core_ml, random)
    baseline = digital.baseline.copy()
    baseline[list(_WHITE)] = condition.white_hu
    bolus = digital.bolus
    bolus = replace(bolus, peak=bolus.peak * condition.dose, venous_peak=bolus.venous_peak * condition.dose)
    return replace(digital, baseline=baseline, bolus=bolus, hypodensity=condition.hypodensity_hu)


def scan_of(condition: Condition, random: np.random.Generator) -> tuple[CTPScan, float]:
    """A simulated scan of a random patient, and the volume of the core that it shows [mL]."""
    digital = _patient(condition, random)
    thickness = condition.thickness_mm
    slices = tuple(float(z) for z in thickness * np.arange(condition.slices))
    n_frames = round(condition.duration_s / condition.interval_s)
    protocol = Protocol(slices, thickness, n_frames, condition.interval_s, condition.noise_hu)
    grid = rendering_grid(protocol)
    head = digital.painted(grid)
    collateral_delay = digital.perfusion[Compartment.GREY_PENUMBRA].delay
    curves, amounts = enhancement(digital.bolus, head.perfusion, head.label, collateral_delay, protocol.times)
    motion = draw_motion(n_frames, random)
    while condition.moves and motion is None:
        motion = draw_motion(n_frames, random)
    hu = acquire(
        baseline=head.baseline,
        amounts=amounts,
        curves=curves,
        protocol=protocol,
        motion=motion if condition.moves else None,
        random=random,
    )
    planes = [np.abs(grid.z - z) < thickness / 2 for z in slices]
    pixels = sum(float(head.core[inside].mean(axis=0).sum()) for inside in planes)
    spacing = (thickness, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
    scan = CTPScan.simultaneous(hu.astype(np.float32), protocol.times, spacing)
    return scan, pixels * SCANNER_PIXEL_MM**2 * thickness / 1000
