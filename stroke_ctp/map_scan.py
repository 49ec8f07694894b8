"""One scan's maps, masks, volumes and vessels on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_ctp.common.files import digest, read_json, write_json
from stroke_ctp.hemodynamics.maps import Analysis
from stroke_ctp.hemodynamics.scan_analysis import Measured, measure
from stroke_ctp.hemodynamics.vessels import Vessel
from stroke_ctp.reporting.figures.vessels import draw_vessels
from stroke_ctp.scan.inclusion import Excluded
from stroke_ctp.scan.read import scan_files
from stroke_ctp.scan.write_volume import write_like

_MAPS = ("cbf", "cbv", "mtt", "tmax", "ttp")


@dataclass(frozen=True)
class Task:
    """One scan to analyse."""

    patient: str
    scan: Path
    frame_interval_s: float | None
    folder: Path
    """Receives its maps."""


def map_scan(task: Task, analysis: Analysis) -> dict[str, Any]:
    """Analyse one scan and write its maps, unless that is done.

    Returns:
        Its row of `volumes.csv`: volumes, or the reason why there are none.
    """
    row = {"patient": task.patient, "scan": task.scan.name, "folder": task.folder.name}
    record = task.folder / "perfusion.json"
    files = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in scan_files(task.scan)]
    key = digest({"scan": files, "interval": task.frame_interval_s})
    if record.exists() and (done := read_json(record))["key"] == key:
        return row | done["volumes"]
    try:
        measured = measure(task.scan, task.frame_interval_s, analysis)
    except Excluded as finding:
        return row | {"reason": finding.reason}
    scan, passage = measured.scan, measured.passage
    volumes = measured.lesion.volumes(scan.spacing)
    _write_volumes(task, measured)
    times = np.arange(len(passage.rise)) * passage.step
    vessels = [(vessel.voxels, vessel.curve) for vessel in (passage.artery, passage.vein)]
    names = [scan.slice_index(index) for index in range(scan.hu.shape[1])]
    draw_vessels(task.folder / "vessels.png", scan.hu.max(axis=0), scan.spacing[1:], names, times, *vessels)
    write_json(record, {"key": key, "volumes": volumes, **_provenance(measured)})
    return row | volumes


def _write_volumes(task: Task, measured: Measured) -> None:
    for name in _MAPS:
        write_like(task.folder / f"{name}.nii.gz", getattr(measured.maps, name), task.scan, measured.scan)
    masks = {f"core_{name}": core for name, core in measured.lesion.core.items()}
    masks["penumbra"] = measured.lesion.penumbra
    for name, mask in masks.items():
        write_like(task.folder / f"{name}.nii.gz", mask.astype(np.uint8), task.scan, measured.scan)


def _provenance(measured: Measured) -> Mapping[str, Any]:
    passage, scan = measured.passage, measured.scan

    def described(vessel: Vessel) -> dict[str, Any]:
        voxels = [[scan.slice_index(int(index)), int(row), int(column)] for index, row, column in vessel.voxels]
        return {"slice_row_column": voxels, "enhancement_hu": [round(float(hu), 2) for hu in vessel.curve]}

    return {
        "frame_interval_s": round(passage.step, 6),
        "baseline_frames": passage.n_baseline,
        "partial_volume": round(measured.maps.partial_volume, 3),
        "artery": described(passage.artery),
        "vein": described(passage.vein),
    }
