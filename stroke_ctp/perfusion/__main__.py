"""Conventional perfusion analysis: `python -m stroke_ctp.perfusion scan=PATH|manifest=FILE out=DIR`."""

import functools
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.utils import instantiate
from joblib import cpu_count
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from stroke_ctp import __version__
from stroke_ctp.cli import run
from stroke_ctp.errors import UserError
from stroke_ctp.files import claim, whole
from stroke_ctp.map_scan import Task, map_scan
from stroke_ctp.parallel import parallel_map
from stroke_ctp.perfusion.maps import Analysis
from stroke_ctp.scan.headers import check_scans
from stroke_ctp.scan.manifest import read_manifest

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} scans [{elapsed}<{remaining}]"


def perfusion(config: DictConfig) -> None:
    """Analyse the scans that are not done yet and write the table of all."""
    out = Path(str(config.out))
    if out.exists() and not out.is_dir():
        raise UserError(f"out must be a folder, got the file {out}; choose another out")
    tasks = _tasks(config, out)
    analysis: Analysis = instantiate(config.analysis)
    settings = OmegaConf.to_container(config.analysis)
    claim(
        out, {"version": __version__, "analysis": settings}, "choose another out, or remove the folder to make it anew"
    )
    jobs = min(cpu_count() if config.jobs == -1 else _whole(config.jobs), len(tasks))
    print(f"perfusion: {len(tasks)} scan(s) on {jobs} core(s)")
    results = parallel_map(functools.partial(map_scan, analysis=analysis), tasks, jobs)
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
        interval = config.frame_interval_s
        if interval is not None and (not isinstance(interval, int | float) or not interval > 0):
            raise UserError(f"frame_interval_s must be a number of seconds > 0, got {interval!r}")
        return [Task("", scan, interval, out)]
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


if __name__ == "__main__":
    run(perfusion, "perfusion")
