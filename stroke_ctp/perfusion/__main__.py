"""Conventional perfusion analysis: `python -m stroke_ctp.perfusion scan=PATH|manifest=FILE out=DIR`."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from joblib import cpu_count
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from stroke_ctp import __version__
from stroke_ctp.cli import run
from stroke_ctp.conventional import Measured, measure
from stroke_ctp.errors import UserError
from stroke_ctp.evaluation.vessel_figure import draw_vessels
from stroke_ctp.files import claim, digest, read_json, whole, write_json
from stroke_ctp.parallel import parallel_map
from stroke_ctp.perfusion.arterial import Vessel
from stroke_ctp.perfusion.maps import Analysis
from stroke_ctp.scan.headers import check_scans
from stroke_ctp.scan.inclusion import Excluded
from stroke_ctp.scan.manifest import read_manifest
from stroke_ctp.scan.volumes import write_like

_MAPS = ("cbf", "cbv", "mtt", "tmax", "ttp")
_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} scans [{elapsed}<{remaining}]"


@dataclass(frozen=True)
class Task:
    """One scan to analyse."""

    patient: str
    scan: Path
    frame_interval_s: float | None
    folder: Path
    """Receives its maps."""


def perfusion(config: DictConfig) -> None:
    """Analyse the scans that are not done yet and write the table of all."""
    out = Path(str(config.out))
    if out.exists() and not out.is_dir():
        raise UserError(f"out must be a folder, got the file {out}; choose another out")
    tasks = _tasks(config, out)
    analysis: Analysis = instantiate(config.analysis)
    settings = OmegaConf.to_container(config.analysis)
    claim(out, {"version": __version__, "analysis": settings}, "choose another out, or remove the folder to make it anew")
    jobs = min(cpu_count() if config.jobs == -1 else _whole(config.jobs), len(tasks))
    print(f"perfusion: {len(tasks)} scan(s) on {jobs} core(s)")
    results = parallel_map(functools.partial(analyse, analysis=analysis), tasks, jobs)
    rows = list(tqdm(results, "perfusion", len(tasks), ncols=79, bar_format=_BAR))
    failed = [row["reason"] for row in rows if "reason" in row]
    if len(failed) == len(rows):
        raise UserError(
            failed[0] if len(rows) == 1 else f"none of {len(rows)} scans can be measured; first: {failed[0]}"
        )
    with whole(out / "volumes.csv") as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
    if failed:
        print(f"{len(failed)} of {len(rows)} scans cannot be measured (volumes.csv, column reason)")
    print(out / "volumes.csv")


def _tasks(config: DictConfig, out: Path) -> list[Task]:
    if (config.scan is None) == (config.manifest is None):
        raise UserError("give either scan=PATH or manifest=FILE")
    if config.scan is not None:
        scan = Path(str(config.scan))
        if not scan.is_file():
            raise UserError(f"there is no file {scan}; give the path of a 4D NIfTI file with scan=…")
        return [Task("", scan, config.frame_interval_s, out)]
    patients = read_manifest(Path(str(config.manifest)))
    check_scans(patients)
    rows = [(patient, row) for patient in patients for row in patient.rows]
    return [
        Task(patient.patient, patient.folder / row.scan, row.frame_interval_s, out / f"{number:05d}")
        for number, (patient, row) in enumerate(rows, start=1)
    ]


def _whole(jobs: Any) -> int:
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UserError(f"jobs must be a number of processes ≥ 1, or -1 for one per core, got {jobs!r}")
    return jobs


def analyse(task: Task, analysis: Analysis) -> dict[str, Any]:
    """Analyse one scan and write its maps, unless that is done.

    Returns:
        Its row of `volumes.csv`: volumes, or the reason why there are none.
    """
    row = {"patient": task.patient, "scan": task.scan.name, "folder": task.folder.name}
    record = task.folder / "perfusion.json"
    status = task.scan.stat()
    key = digest({"scan": [status.st_size, status.st_mtime_ns], "interval": task.frame_interval_s})
    if record.exists() and (done := read_json(record))["key"] == key:
        return row | done["volumes"]
    try:
        measured = measure(task.scan, task.frame_interval_s, analysis)
    except Excluded as finding:
        return row | {"reason": finding.reason}
    volumes = measured.lesion.volumes(measured.scan.spacing)
    _write_volumes(task, measured)
    passage = measured.passage
    times = np.arange(len(passage.rise)) * passage.step
    vessels = [(vessel.voxels, vessel.curve) for vessel in (passage.artery, passage.vein)]
    draw_vessels(task.folder / "vessels.png", measured.scan.hu.max(axis=0), times, *vessels)
    write_json(record, {"key": key, "volumes": volumes, **_provenance(measured)})
    return row | volumes


def _write_volumes(task: Task, measured: Measured) -> None:
    for name in _MAPS:
        write_like(task.folder / f"{name}.nii.gz", getattr(measured.maps, name), task.scan)
    masks = {f"core_{name}": core for name, core in measured.lesion.core.items()}
    masks["penumbra"] = measured.lesion.penumbra
    for name, mask in masks.items():
        write_like(task.folder / f"{name}.nii.gz", mask.astype(np.uint8), task.scan)


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


if __name__ == "__main__":
    run(perfusion, "perfusion")
