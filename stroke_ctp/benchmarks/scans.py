"""Benchmarks of preprocessing and perfusion maps on one scan of usual clinical size."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.ndimage import zoom
from threadpoolctl import threadpool_limits

from stroke_ctp.benchmarks.measuring import Timing, in_turns
from stroke_ctp.cohort.manifest import ManifestPatient, ManifestRow
from stroke_ctp.cohort.standard_series import standard_series
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.hemodynamics.bolus_passage import find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import segment_lesion
from stroke_ctp.hemodynamics.maps import Analysis, perfusion_maps
from stroke_ctp.phantom.digital_patient import DigitalPatient
from stroke_ctp.phantom.scanner import SCANNER_MATRIX, SCANNER_PIXEL_MM, Protocol
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import write_nifti
from stroke_ctp.scan.read import read_scan

LEVEL_SLICES = (1, 5)
"""Slices of the simulated scans that stand for the two levels."""
_SLICE_MM = 5.0
_INTERVAL_S = 1.2
_CORE_ML = 40.0


def write_scans(wanted: Sequence[tuple[Path, int, int]]) -> list[Timing]:
    """Write eight slices of 5 mm of a head as compressed NIfTI: file, pixels a side and frames of each."""
    head = DigitalPatient.draw(_CORE_ML, np.random.default_rng(0))
    n_frames = max(frames for _, _, frames in wanted)
    protocol = Protocol(tuple(_SLICE_MM * np.arange(8)), _SLICE_MM, n_frames, _INTERVAL_S, noise=2.5)
    hu = head.scan(protocol, np.random.default_rng(1)).astype(np.float32)
    for path, matrix, frames in wanted:
        larger = zoom(hu[:frames], (1, 1, matrix / SCANNER_MATRIX, matrix / SCANNER_MATRIX), order=1)
        pixel_mm = SCANNER_PIXEL_MM * SCANNER_MATRIX / matrix
        write_nifti(path, CTPScan.simultaneous(larger, protocol.times[:frames], (_SLICE_MM, pixel_mm, pixel_mm)))
    return []


def measure_preprocessing(repeats: int, scan: Path) -> list[Timing]:
    """On one core, from the file to the standard series."""
    with threadpool_limits(1):
        (taken,) = in_turns([lambda: series_of(scan)], repeats)
    return [Timing("preprocess, one core", taken)]


def series_of(scan: Path) -> Float[np.ndarray, "2 32 128 128"]:
    """Standard series of a simulated scan [HU]."""
    row = ManifestRow(scan.name, dict(zip(LEVELS, LEVEL_SLICES, strict=True)), _CORE_ML, None, None)
    return standard_series(ManifestPatient(1, "P1", scan.parent, (row,), "", {})).hu


def measure_maps(repeats: int, path: Path) -> list[Timing]:
    """From registered frames to maps, core and penumbra."""
    scan = read_scan(path, None)

    def maps() -> None:
        pixel_mm = scan.spacing[1:]
        segment_lesion(
            perfusion_maps(find_bolus_passage(scan.hu, scan.times[:, 0], pixel_mm), pixel_mm, Analysis()), pixel_mm
        )

    (taken,) = in_turns([maps], repeats)
    return [Timing("perfusion maps", taken)]
