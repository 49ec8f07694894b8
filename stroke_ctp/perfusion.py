"""Perfusion maps of scans: `python -m stroke_ctp.perfusion scan=PATH|manifest=FILE out=DIR [method=network]`."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_ctp import __version__
from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.common.errors import DEFECT, Excluded, UserError, described_defect, is_refused_by_file_system
from stroke_ctp.common.files import claim, out_folder
from stroke_ctp.common.locks import only_command
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.common.schemas import plain
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.perfusion import PerfusionSettings
from stroke_ctp.hemodynamics.learned_analysis import LearnedAnalysis
from stroke_ctp.hemodynamics.maps import Analysis
from stroke_ctp.hemodynamics.output import COLUMNS, NETWORK_COLUMNS, PerfusionFolder, ScanFolder, scan_key
from stroke_ctp.hemodynamics.scan_analysis import RegisteredScan, ScanAnalysis, analyse_registered, register_scan
from stroke_ctp.reporting.figures.network_summary import draw_network_summary
from stroke_ctp.reporting.figures.perfusion_summary import draw_refusal, draw_summary
from stroke_ctp.reporting.figures.vessels import draw_vessels
from stroke_ctp.reporting.reliability_text import reliability_text


@dataclass(frozen=True)
class _Task:
    """One scan to analyse."""

    patient: str
    scan: Path
    frame_interval_s: float | None
    output: ScanFolder

    @property
    def title(self) -> str:
        """Of its pictures."""
        return f"{self.patient} {self.scan.name}".strip()


def perfusion(settings: PerfusionSettings) -> None:
    """Analyse the scans that are not done yet and write the table of all."""
    folder = PerfusionFolder(out_folder(settings.out))
    tasks = _tasks(settings, folder)
    with only_command(folder.folder):
        rows = _analyse_all(settings, folder, tasks)
    _require_success(rows)


def _analyse_all(settings: PerfusionSettings, folder: PerfusionFolder, tasks: Sequence[_Task]) -> list[dict[str, Any]]:
    """Analyse the scans that are not done yet; the rows of the table, which is written."""
    jobs = min(settings.jobs, len(tasks))
    made_with = {"version": __version__, "method": settings.method, "analysis": plain(settings.analysis)}
    claim(folder.folder, made_with, "choose another out, or remove the folder to make it again")
    print(f"perfusion: {len(tasks)} scan(s) on {jobs} core(s)")
    results = parallel_map(functools.partial(_analyse, method=settings.method, analysis=settings.analysis), tasks, jobs)
    rows = list(with_progress(results, "perfusion", "scans", len(tasks)))
    failed = [row["reason"] for row in rows if _unmeasured(row)]
    if settings.scan is not None and failed:
        folder.unclaim_unused()
        raise UserError(failed[0])
    if settings.scan is None:
        folder.remove_others(len(tasks))
    network = settings.method == "network"
    folder.write_table(rows, (*COLUMNS, *NETWORK_COLUMNS) if network else COLUMNS)
    print(reliability_text(rows, folder.table.name))
    if network:
        print(reliability_text(rows, folder.table.name, "network_"))
    print(folder.table)
    return rows


def _require_success(rows: Sequence[Mapping[str, Any]]) -> None:
    """Require that a scan was measured, and that none met a defect of this package."""
    broken = [row["reason"] for row in rows if row.get("stage") == DEFECT]
    if broken:
        raise UserError(
            f"{len(broken)} of {len(rows)} scans met an unexpected error, the others are done: {broken[0]}; "
            "rerun with scan=PATH for the traceback"
        )
    if all(map(_unmeasured, rows)):
        raise UserError(f"none of {len(rows)} scans can be measured; first: {rows[0]['reason']}")


def _unmeasured(row: Mapping[str, Any]) -> bool:
    """Whether a row of the table has volumes by no method."""
    return "stage" in row and "network_core_ml" not in row


def _analyse(task: _Task, method: str, analysis: Analysis) -> dict[str, Any]:
    """Analyse one scan and write its maps, unless that is done; its row of the table, whatever happens to it."""
    row = {"patient": task.patient, "scan": task.scan.name, "folder": task.output.folder.name}
    try:
        return row | _measured(task, method, analysis)
    except Excluded as finding:
        failure = {"reliability": "unusable", "stage": finding.stage, "reason": finding.reason}
    except Exception as error:
        if not task.patient or is_refused_by_file_system(error):  # no other scan is left, or none can be written
            raise
        failure = {"reliability": "unusable", "stage": DEFECT, "reason": described_defect(error, task.scan.name)}
    if task.patient:  # a scan given alone ends the command with the reason, and leaves nothing
        task.output.clear()
        draw_refusal(task.output.summary, task.title, failure["stage"], failure["reason"])
    if method == "network":
        failure |= {f"network_{name}": failure[name] for name in ("reliability", "reason")}
    return row | failure


def _measured(task: _Task, method: str, analysis: Analysis) -> dict[str, Any]:
    if not task.scan.exists():
        raise Excluded("reading", f"there is no scan {task.scan.name}; correct its path in the manifest")
    key = scan_key(task.title, task.scan, task.frame_interval_s)
    if (finished := task.output.finished_row(key)) is not None:
        return finished
    registered = register_scan(task.scan, task.frame_interval_s)
    measured: ScanAnalysis | Excluded
    try:
        measured = analyse_registered(registered, analysis)
    except Excluded as finding:
        if method == "deconvolution":
            raise
        measured = finding
    learned = _learned(registered, measured) if method == "network" else None
    task.output.clear()  # of another scan that had this place
    if isinstance(measured, ScanAnalysis):
        task.output.write_maps(measured, task.scan)
        _draw(task, measured)
    if isinstance(learned, LearnedAnalysis):
        task.output.write_network_maps(learned, task.scan)
        readouts = measured.readouts if isinstance(measured, ScanAnalysis) else None
        draw_network_summary(task.output.network_summary, task.title, learned, readouts)
    return task.output.write_record(key, measured, learned)


def _learned(registered: RegisteredScan, measured: ScanAnalysis | Excluded) -> LearnedAnalysis | Excluded:
    """What the network finds, or why it finds nothing.

    Raises:
        Excluded: Deconvolution finds nothing either; with its reason.
    """
    from stroke_ctp.model.perfusion_weights import read_weights  # loads PyTorch
    from stroke_ctp.model.scan_maps import learned_analysis

    readouts = measured.readouts if isinstance(measured, ScanAnalysis) else None
    try:
        return learned_analysis(read_weights("shipped").network, registered, readouts)
    except Excluded as finding:
        if isinstance(measured, Excluded):
            raise measured from None
        return finding


def _draw(task: _Task, measured: ScanAnalysis) -> None:
    """Draw vessels and summary of the deconvolution."""
    scan, passage = measured.scan, measured.passage
    artery, vein = passage.artery, passage.vein
    names = [scan.slice_index(index) for index in range(scan.hu.shape[1])]
    times = np.arange(len(passage.rise)) * passage.step
    draw_vessels(
        task.output.vessels,
        scan.hu.max(axis=0),
        scan.spacing[1:],
        names,
        times,
        (artery.voxels, artery.curve),
        None if vein is None else (vein.voxels, vein.curve),
    )
    draw_summary(task.output.summary, task.title, measured)


def _tasks(settings: PerfusionSettings, out: PerfusionFolder) -> list[_Task]:
    if settings.scan is not None:
        if not settings.scan.exists():
            raise UserError(f"there is no scan {settings.scan}; give a 4D NIfTI file or a DICOM folder with scan=…")
        return [_Task("", settings.scan, settings.frame_interval_s, out.only_scan())]
    assert settings.manifest is not None
    patients = read_manifest(settings.manifest, levels_required=False)
    rows = [(patient, row) for patient in patients for row in patient.rows]
    return [
        _Task(patient.patient, patient.folder / row.scan, row.frame_interval_s, out.scan(number))
        for number, (patient, row) in enumerate(rows, start=1)
    ]


if __name__ == "__main__":
    run(perfusion, PerfusionSettings, "perfusion")
