"""Conventional perfusion analysis: `python -m stroke_ctp.perfusion scan=PATH|manifest=FILE out=DIR`."""

import functools
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from stroke_ctp import __version__
from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import claim, out_folder, whole
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.common.schemas import plain
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.perfusion import PerfusionSettings
from stroke_ctp.map_scan import Task, map_scan

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} scans [{elapsed}<{remaining}]"


def perfusion(settings: PerfusionSettings) -> None:
    """Analyse the scans that are not done yet and write the table of all."""
    out = out_folder(settings.out)
    tasks = _tasks(settings, out)
    jobs = min(settings.jobs, len(tasks))
    made_here = not out.exists()
    made_with = {"version": __version__, "analysis": plain(settings.analysis)}
    claim(out, made_with, "choose another out, or remove the folder to make it again")
    print(f"perfusion: {len(tasks)} scan(s) on {jobs} core(s)")
    results = parallel_map(functools.partial(map_scan, analysis=settings.analysis), tasks, jobs)
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


def _tasks(settings: PerfusionSettings, out: Path) -> list[Task]:
    if settings.scan is not None:
        if not settings.scan.exists():
            raise UserError(f"there is no scan {settings.scan}; give a 4D NIfTI file or a DICOM folder with scan=…")
        return [Task("", settings.scan, settings.frame_interval_s, out)]
    assert settings.manifest is not None
    patients = read_manifest(settings.manifest, levels_required=False)
    check_scans(patients)
    rows = [(patient, row) for patient in patients for row in patient.rows]
    return [
        Task(patient.patient, patient.folder / row.scan, row.frame_interval_s, out / f"{number:05d}")
        for number, (patient, row) in enumerate(rows, start=1)
    ]


if __name__ == "__main__":
    run(perfusion, PerfusionSettings, "perfusion")
