"""A simulated patient for stress tests: the same person under every condition."""

import tempfile
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.manifest import ManifestPatient, ManifestRow
from stroke_ctp.cohort.standard_series import StandardSeries, standard_series
from stroke_ctp.common.geometry import LEVELS, N_PIXELS, PIXEL_MM
from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, CORE_RCBF, DEFINITIONS, HYPOPERFUSED_TMAX
from stroke_ctp.phantom.contrast_curves import Bolus
from stroke_ctp.phantom.digital_patient import BRAIN_GRID, DigitalPatient
from stroke_ctp.phantom.head_motion import nodding_motion
from stroke_ctp.phantom.recruitment import LOG_SD, MEDIAN_ML
from stroke_ctp.phantom.scanner import SCANNER_MATRIX, SCANNER_PIXEL_MM, Protocol
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import HEALTHY
from stroke_ctp.robustness.axes import Condition
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import write_nifti

TRUTHS = {
    "core": "core of the simulation",
    "cbv": f"true {DEFINITIONS['cbv']}",
    "rcbf": f"true CBF<{CORE_RCBF:.0%} of healthy tissue",
    "tmax": f"true delay>{HYPOPERFUSED_TMAX:g} s",
    "infarct": "final infarct",
}
"""Volumes that are known of every patient, in words."""
TrueImage: TypeAlias = Float[np.ndarray, "level 128 128"]
_SLICES, _THICKNESS_MM = 5, 10.0
_PLANES = 4
"""Of a slice, in which the truth is looked up."""
_LEVEL_SLICES = (1, 3)
"""Slices of both levels, as in the training cohorts."""


@dataclass(frozen=True)
class StressPatient:
    """A digital patient, and the chance of its scan: noise and the course of motion are the same at every level."""

    digital: DigitalPatient
    seed: int
    number: int

    @classmethod
    def draw(cls, seed: int, number: int) -> "StressPatient":
        """A patient with a core volume as in the training cohorts."""
        random = numpy_generator(seed, Purpose.STRESS_PATIENT, number, 0)
        core_ml = float(MEDIAN_ML * np.exp(LOG_SD * random.normal()))
        return cls(DigitalPatient.draw(core_ml, random), seed, number)

    def truths(self) -> dict[str, float]:
        """Volumes of `TRUTHS` [mL]."""
        head = self.digital.painted(BRAIN_GRID)
        field, healthy = head.perfusion, np.isin(head.label, HEALTHY)
        low_cbf = field.cbf < CORE_RCBF * np.median(field.cbf[healthy])
        masks = {
            "core": head.core,
            "cbv": head.hypoperfused & (field.cbv < CORE_CBV),
            "rcbf": head.hypoperfused & low_cbf,
            "tmax": field.tissue & (field.delay > HYPOPERFUSED_TMAX),
        }
        volumes = {name: float(mask.sum()) * BRAIN_GRID.voxel_ml for name, mask in masks.items()}
        return volumes | {"infarct": self.digital.infarct_ml()}

    def lesion(self) -> tuple[TrueImage, TrueImage, TrueImage]:
        """Share of tissue, of core and of penumbra in the standard pixels of both levels, of a head at rest."""
        depths = (np.arange(_PLANES) + 0.5) * _THICKNESS_MM / _PLANES - _THICKNESS_MM / 2
        in_plane = (np.arange(N_PIXELS) - (N_PIXELS - 1) / 2) * PIXEL_MM
        centres = [_THICKNESS_MM * (k - _LEVEL_SLICES[0]) for k in _LEVEL_SLICES]
        head = self.digital.painted(Grid(np.add.outer(centres, depths).ravel(), in_plane, in_plane))
        masks = (head.perfusion.tissue, head.core, head.hypoperfused & ~head.core)
        tissue, core, penumbra = (
            mask.reshape(len(LEVELS), _PLANES, N_PIXELS, N_PIXELS).mean(axis=1, dtype=np.float32) for mask in masks
        )
        return tissue, core, penumbra

    def series(self, condition: Condition, rules: Rules) -> StandardSeries:
        """Scan the patient and preprocess the scan.

        Args:
            condition: Of the scan.
            rules: Of the cohort on which the models were trained.

        Raises:
            Excluded: The scan cannot become a standard series.
        """
        scan = self._scan(condition)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scan.nii"
            write_nifti(path, scan)
            row = ManifestRow(path.name, dict(zip(LEVELS, _LEVEL_SLICES, strict=True)), None, None, None)
            return standard_series(ManifestPatient(1, "", path.parent, (row,), "", {}), rules)

    def _scan(self, condition: Condition) -> CTPScan:
        """A raw scan."""
        course, noise = (numpy_generator(self.seed, Purpose.STRESS_PATIENT, self.number, k) for k in (1, 2))
        n_frames = ceil(condition.duration / condition.sampling - 1e-6)
        slices = tuple(_THICKNESS_MM * (k - _LEVEL_SLICES[0]) + condition.level for k in range(_SLICES))
        protocol = Protocol(slices, _THICKNESS_MM, n_frames, condition.sampling, condition.noise)
        digital = replace(self.digital, bolus=_bolus(self.digital, condition))
        hu = digital.scan_moving(protocol, _motion(condition, n_frames, course), noise)
        cut = round((SCANNER_MATRIX - condition.field / SCANNER_PIXEL_MM) / 2)
        inside = slice(cut, SCANNER_MATRIX - cut)
        spacing = (_THICKNESS_MM, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
        return CTPScan.simultaneous(hu[..., inside, inside], protocol.times, spacing, slices[0])


def _bolus(digital: DigitalPatient, condition: Condition) -> Bolus:
    """The patient's bolus, changed."""
    own, less = digital.bolus, condition.dose / condition.width
    return replace(
        own,
        onset=own.onset + condition.delay,
        beta=own.beta * condition.width,
        peak=own.peak * less,
        venous_peak=own.venous_peak * less,
    )


def _motion(condition: Condition, n_frames: int, random: np.random.Generator) -> Float[np.ndarray, "time 6"] | None:
    """Nodding to one side, and a head that lies turned to one side from the first frame on; None at rest.

    A turned head is a rigid motion, so that it is the same head: the patient's fields are those of the scanner.
    """
    if condition.motion == condition.rotation == 0:
        return None
    nodding, turned = condition.motion * random.choice([-1, 1]), condition.rotation * random.choice([-1, 1])
    motion = nodding_motion(nodding, n_frames, random)
    motion[:, 0] += turned
    return motion
