"""Simulated scans, segmentations and their manifest on disk. Only this module names these files."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool

from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.origin import ORIGIN, SIMULATED, TRUE_CORE, TRUE_INFARCT
from stroke_ctp.phantom.digital_patient import BRAIN_GRID, DigitalPatient
from stroke_ctp.phantom.recruitment import Recruit, ScanPlan
from stroke_ctp.phantom.scanner import SCANNER_PIXEL_MM
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import write_mask, write_nifti

SEGMENTATION_LOG_SD = 0.2
"""Standard deviation of the logarithm of a segmented volume around that of the true core."""

Label = Literal["core", "infarct"]
DEFINITIONS: dict[Label, str] = {"core": TRUE_CORE, "infarct": TRUE_INFARCT}
"""Of the labels, as in the column `label_definition`."""

Row = dict[str, object]
"""A line of the manifest."""


class SimulatedCohort:
    """A folder of simulated scans, as a hospital's own would lie on disk."""

    def __init__(self, folder: Path, label: Label = "core") -> None:
        """A cohort of a folder, whose column `core_ml` or `core_mask` is to hold this label."""
        self.folder = folder
        self.label = label
        self.manifest = folder / "manifest.csv"

    def write_manifest(self, rows: Sequence[Row]) -> None:
        """Write the manifest: last, so that its presence says that all scans are written."""
        table = pd.DataFrame(list(rows))
        table[list(LEVELS)] = table[list(LEVELS)].astype("Int64")
        with atomic_write(self.manifest) as partial:
            table.to_csv(partial, index=False)

    def write_patient(self, recruit: Recruit) -> list[Row]:
        """Write the scans of one patient that are not there yet; the patient's rows of the manifest."""
        random = np.random.default_rng(recruit.seed)
        error = np.exp(SEGMENTATION_LOG_SD * random.normal()) if recruit.segmented else 1.0
        digital = DigitalPatient.draw(recruit.core_ml * error, random)
        truths = {"core": digital.core_ml(), "infarct": digital.infarct_ml()}
        mask = None
        if recruit.segmented:
            volume_ml = recruit.core_ml if self.label == "core" else truths["infarct"]
            mask = digital.segmented(volume_ml, random)
        rows = [self._write_slab(digital, recruit, number, mask) for number in range(len(recruit.slabs))]
        if mask is None:
            rows[0]["core_ml"] = round(truths[self.label], 2)
        definition = DEFINITIONS[self.label] + (", segmented" if recruit.segmented else "")
        true = {f"true_{name}_ml": round(volume, 2) for name, volume in truths.items()}
        return [row | {"label_definition": definition, **true, ORIGIN: SIMULATED} for row in rows]

    def _write_slab(
        self, digital: DigitalPatient, recruit: Recruit, number: int, segmented: Bool[np.ndarray, "z y x"] | None
    ) -> Row:
        """Write the scan of one slab, if it is not there yet, and its part of the segmentation; its row."""
        stem = recruit.patient + ("AB"[number] if len(recruit.slabs) > 1 else "")
        scan, mask = f"scans/{stem}.nii.gz", f"masks/{stem}.nii.gz"
        levels = dict(zip(LEVELS, recruit.slabs[number].level_slices, strict=True))
        if not (self.folder / scan).exists():
            _write_scan(self.folder / scan, digital, recruit, number)
        if segmented is None:
            return {"scan": scan, "patient": recruit.patient, **levels}
        _write_segmentation(self.folder / mask, segmented, recruit.slabs, number)
        return {"scan": scan, "patient": recruit.patient, **levels, "core_mask": mask}


def _write_scan(path: Path, digital: DigitalPatient, recruit: Recruit, number: int) -> None:
    """Acquire and write one slab.

    Its random stream is its own, so that the others need not be simulated again, and not the patient's, to which
    NumPy would pad a slab's number of 0.
    """
    protocol = recruit.slabs[number].protocol
    hu = digital.scan(protocol, np.random.default_rng([*recruit.seed, number + 1]))
    distance = protocol.slices[1] - protocol.slices[0]
    first = -distance * (len(protocol.slices) - 1) / 2
    spacing = (distance, SCANNER_PIXEL_MM, SCANNER_PIXEL_MM)
    scan = CTPScan.simultaneous(hu, protocol.times, spacing, first)
    if recruit.fault == "truncated":
        _write_truncated(path, scan)
    else:
        write_nifti(path, scan)


def _write_truncated(path: Path, scan: CTPScan) -> None:
    """Write the first 60 % of a scan's file."""
    with tempfile.TemporaryDirectory() as folder, atomic_write(path) as partial:
        whole = Path(folder) / path.name
        write_nifti(whole, scan)
        content = whole.read_bytes()
        partial.write_bytes(content[: len(content) * 6 // 10])


def _write_segmentation(
    path: Path, lesion: Bool[np.ndarray, "z y x"], slabs: tuple[ScanPlan, ...], number: int
) -> None:
    """Write the part of the lesion in one slab's share of the brain: below or above the middle of the gap."""
    share = np.ones(BRAIN_GRID.z.size, dtype=bool)
    if len(slabs) == 2:
        middle = (slabs[0].protocol.slices[-1] + slabs[1].protocol.slices[0]) / 2
        share = (BRAIN_GRID.z < middle) == (number == 0)
    voxel_mm = float(BRAIN_GRID.z[1] - BRAIN_GRID.z[0])
    write_mask(path, (lesion & share[:, None, None]).astype(np.uint8), (voxel_mm, voxel_mm, voxel_mm))
