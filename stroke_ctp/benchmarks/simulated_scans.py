"""A simulated scan under given conditions, and how well its lesion is measured."""

import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

from stroke_ctp.benchmarks.scan_conditions import ScanConditions
from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.hemodynamics.scan_analysis import RegisteredScan, ScanAnalysis, analyse_registered, register_scan
from stroke_ctp.model.perfusion_weights import read_weights
from stroke_ctp.model.scan_maps import learned_analysis
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.head_motion import draw_motion
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM, rendering_grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import write_nifti

LEAST_ML = 1.0
"""A slab with less core or hypoperfused tissue counts as one without: overlap with a few voxels says nothing."""
_LEAST_CONTRAST_HU = 3.0
"""Grey matter stays that much denser than white matter."""
_MEASURED = ["tmax4_ml", *(f"{name}_{what}" for name in (*DEFINITIONS, "hypoperfused") for what in ("ml", "dice"))]
_BY_NETWORK = [
    *("network_core_ml", "network_core_dice", "network_expected_core_ml"),
    *("network_hypoperfused_ml", "network_hypoperfused_dice"),
]
_GREY = [Compartment.GREY, Compartment.GREY_PENUMBRA, Compartment.GREY_CORE]
_WHITE = [Compartment.WHITE, Compartment.WHITE_PENUMBRA, Compartment.WHITE_CORE]


@dataclass(frozen=True)
class SimulatedScan:
    """A scan and the truth about it."""

    scan: CTPScan
    core: Float[np.ndarray, "slice height width"]
    """Share of each voxel that is core."""
    hypoperfused: Float[np.ndarray, "slice height width"]
    """Share of each voxel that is core or penumbra."""

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel [mL]."""
        return float(np.prod(self.scan.spacing)) / 1000

    def volume_ml(self, tissue: Bool[np.ndarray, "*voxels"] | Float[np.ndarray, "*voxels"]) -> float:
        """Volume of a mask, or of the share of each voxel [mL]."""
        return float(tissue.sum()) * self.voxel_ml

    def overlap(self, measured: Bool[np.ndarray, "*voxels"], true: Float[np.ndarray, "*voxels"]) -> float:
        """Dice coefficient of a mask and the voxels with a true share of half or more; NaN below `LEAST_ML`."""
        if self.volume_ml(true) < LEAST_ML:
            return math.nan
        mostly = true >= 0.5
        return 2 * int((measured & mostly).sum()) / max(int(measured.sum() + mostly.sum()), 1)


def simulated_scan(conditions: ScanConditions, seed: int) -> SimulatedScan:
    """The scan of a patient that is drawn for these conditions."""
    patient = _patient(conditions, np.random.default_rng([seed, conditions.number, 1]))
    random = np.random.default_rng([seed, conditions.number, 2])
    protocol = conditions.protocol
    motion = _motion(protocol.n_frames, random) if conditions.moving else None
    hu = patient.scan_moving(protocol, motion, random)
    spacing = (conditions.thickness_mm, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
    scan = CTPScan.simultaneous(hu, protocol.times, spacing, conditions.lowest_mm)
    grid = rendering_grid(protocol)
    head = patient.painted(grid)
    slices = [np.abs(grid.z - z) < protocol.thickness / 2 for z in protocol.slices]
    core, hypoperfused = (
        np.stack([tissue[inside].mean(axis=0) for inside in slices]) for tissue in (head.core, head.hypoperfused)
    )
    return SimulatedScan(scan, core, hypoperfused)


def measured_scan(conditions: ScanConditions, seed: int) -> dict[str, Any]:
    """What the analysis of one scan finds, beside the truth: a line of the table of scans."""
    truth = simulated_scan(conditions, seed)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        path = Path(folder) / "scan.nii"
        write_nifti(path, truth.scan)
        began = time.perf_counter()
        registered = register_scan(path)
        readouts = None
        try:
            analysis = analyse_registered(registered)
            found, readouts = _measurements(analysis, truth), analysis.readouts
        except Excluded as finding:
            found = dict.fromkeys(_MEASURED, math.nan) | {"reliability": None, "reason": finding.reason}
        seconds = time.perf_counter() - began
        found = {**found, **_by_network(registered, readouts, truth)}
    true = {"true_ml": truth.volume_ml(truth.core), "true_hypoperfused_ml": truth.volume_ml(truth.hypoperfused)}
    return {**asdict(conditions), **true, **found, "seconds": seconds}


def _by_network(registered: RegisteredScan, readouts: Readouts | None, truth: SimulatedScan) -> Mapping[str, Any]:
    """What the perfusion network finds."""
    try:
        learned = learned_analysis(read_weights("shipped").network, registered, readouts)
    except Excluded:
        return dict.fromkeys(_BY_NETWORK, math.nan) | {"network_reliability": None}
    lesion, measured = learned.lesion, learned.lesion.readouts
    values = (
        *(measured.network_core_ml, truth.overlap(lesion.core, truth.core), measured.network_expected_core_ml),
        *(measured.network_hypoperfused_ml, truth.overlap(lesion.hypoperfused, truth.hypoperfused)),
    )
    found = dict(zip(_BY_NETWORK, values, strict=True))
    return found | {"network_reliability": learned.reliability.level}


def _measurements(analysis: ScanAnalysis, truth: SimulatedScan) -> Mapping[str, Any]:
    lesion = analysis.lesion
    found: dict[str, Any] = {"reliability": analysis.reliability.level, "reason": analysis.reliability.reasons}
    found["tmax4_ml"] = analysis.readouts.tmax4_ml
    pairs = {name: (core, truth.core) for name, core in lesion.core.items()}
    for name, (measured, true) in {**pairs, "hypoperfused": (lesion.hypoperfused, truth.hypoperfused)}.items():
        found[f"{name}_ml"] = truth.volume_ml(measured)
        found[f"{name}_dice"] = truth.overlap(measured, true)
    return found


def _patient(conditions: ScanConditions, random: np.random.Generator) -> DigitalPatient:
    drawn = DigitalPatient.draw(conditions.core_ml, random)
    baseline = drawn.baseline.copy()
    baseline[_WHITE] = conditions.white_hu
    baseline[_GREY] = max(baseline[Compartment.GREY], conditions.white_hu + _LEAST_CONTRAST_HU)
    peak, venous_peak = conditions.dose * drawn.bolus.peak, conditions.dose * drawn.bolus.venous_peak
    bolus = replace(drawn.bolus, peak=peak, venous_peak=venous_peak)
    return replace(drawn, baseline=baseline, bolus=bolus, hypodensity=conditions.hypodensity_hu)


def _motion(n_frames: int, random: np.random.Generator) -> Float[np.ndarray, "time 6"]:
    """Motion of a patient who moves: most that are drawn do not."""
    while (motion := draw_motion(n_frames, random)) is None:
        pass
    return motion
