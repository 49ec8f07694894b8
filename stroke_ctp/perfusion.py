"""Conventional perfusion analysis: `python -m stroke_ctp.perfusion scan=PATH|manifest=FILE out=DIR`."""

import functools
from pathlib import Path

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from stroke_ctp import __version__
from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, out_folder, whole
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.common.settings import require_jobs, require_real
from stroke_ctp.config.command_line import run
from stroke_ctp.hemodynamics.maps import Analysis
from stroke_ctp.map_scan import Task, map_scan

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} scans [{elapsed}<{remaining}]"


def perfusion(config: DictConfig) -> None:
    """Analyse the scans that are not done yet and write the table of all."""
    out = out_folder(config.out)
    tasks = _tasks(config, out)
    jobs = min(require_jobs(config.jobs), len(tasks))
    made_here = not out.exists()
    analysis: Analysis = instantiate(config.analysis)
    settings = OmegaConf.to_container(config.analysis)
    claim(
        out, {"version": __version__, "analysis": settings}, "choose another out, or remove the folder to make it anew"
    )
    print(f"perfusion: {len(tasks)} scan(s) on {jobs} core(s)")
    results = parallel_map(functools.partial(map_scan, analysis=analysis), tasks, jobs)
    rows = list(tqdm(results, "perfusion", len(tasks), ncols=79, bar_format=_BAR))
    failed = [row["reason"] for row in rows if "reason" in row]
    if len(failed) == len(rows):
        if made_here:
            _remove_empty(out)
        raise UserError(
            failed[0] if len(rows) == 1 else f"none of {len(rows)} scans can be measured; first: {failed[0]}"
        )
    with whole(out / "volumes.csv") as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
    if failed:
        print(f"{len(failed)} of {len(rows)} scans cannot be measured (volumes.csv, column reason)")
    print(out / "volumes.csv")


def _remove_empty(out: Path) -> None:
    """Remove a folder that holds nothing but the mark of its settings."""
    if [path.name for path in out.iterdir()] == ["settings.json"]:
        (out / "settings.json").unlink()
        out.rmdir()


def _tasks(config: DictConfig, out: Path) -> list[Task]:
    given = [name for name in ("scan", "manifest") if config[name] not in (None, "")]
    if len(given) != 1:
        raise UserError(f"give either scan=PATH or manifest=FILE, got {' and '.join(given) or 'neither'}")
    if given == ["scan"]:
        scan = Path(str(config.scan))
        if not scan.exists():
            raise UserError(f"there is no scan {scan}; give a 4D NIfTI file or a DICOM folder with scan=…")
        interval = config.frame_interval_s
        if interval is not None:
            interval = require_real("frame_interval_s", interval, above=0)
        return [Task("", scan, interval, out)]
    if config.frame_interval_s is not None:
        raise UserError("frame_interval_s is that of scan=PATH; give it as a column of the manifest instead")
    patients = read_manifest(Path(str(config.manifest)), levels_required=False)
    check_scans(patients)
    rows = [(patient, row) for patient in patients for row in patient.rows]
    return [
        Task(patient.patient, patient.folder / row.scan, row.frame_interval_s, out / f"{number:05d}")
        for number, (patient, row) in enumerate(rows, start=1)
    ]


if __name__ == "__main__":
    run(perfusion, "perfusion")
