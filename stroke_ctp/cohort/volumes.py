"""Core volumes from a cohort's own scans: labels that a manifest lacks, and columns for the baselines."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.records import Record, record_key
from stroke_ctp.common.files import at_work, read_json, write_json
from stroke_ctp.common.parallel import shared_map
from stroke_ctp.hemodynamics.lesion import DEFINITIONS
from stroke_ctp.hemodynamics.maps import Analysis
from stroke_ctp.hemodynamics.scan_analysis import measure
from stroke_ctp.scan.inclusion import Excluded

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} patients [{elapsed}<{remaining}]"

Pair = tuple[ManifestPatient, Record]
"""A patient of the manifest, and what was made of it."""


def with_volumes(out: Path, pairs: Sequence[Pair], label: str | None, volumes: bool, jobs: int) -> list[Pair]:
    """Patients and records with the core volumes that were asked for.

    Args:
        out: Folder of the cohort; what is measured is kept in its `.perfusion` for another run.
        pairs: All patients of the manifest.
        label: Definition of the core by which a missing `core_ml` is filled, None for none. A patient whose
            perfusion cannot be measured then is excluded.
        volumes: Whether every patient gets the columns `scan_cbv_ml` and `scan_rcbf_ml`, empty where perfusion
            cannot be measured.
        jobs: Processes.
    """
    included = [pair for pair in pairs if "reason" not in pair[1]]
    todo = [patient for patient, record in included if volumes or (label and record["core_ml"] is None)]
    if not todo:
        return list(pairs)
    results = shared_map(functools.partial(patient_volumes, out=out), todo, min(jobs, len(todo)))
    progress = tqdm(results, "perfusion", len(todo), ncols=79, bar_format=_BAR)
    found = {patient.number: record for patient, record in progress}
    return [
        _completed(patient, record, found[patient.number], label, volumes)
        if patient.number in found
        else (patient, record)
        for patient, record in pairs
    ]


def patient_volumes(patient: ManifestPatient, *, out: Path, wait: bool) -> Record | None:
    """Core volumes summed over a patient's scans [mL], by definition, or the reason why there are none.

    Args:
        patient: Scans of one patient.
        out: Folder of the cohort, which keeps them.
        wait: For others who are at this patient.

    Returns:
        None where others are at this patient and are not waited for.
    """
    path = out / ".perfusion" / f"{patient.number:05d}.json"
    analysis = Analysis()
    key = record_key(patient, {"analysis": repr(analysis)})
    with at_work(path.with_suffix(".lock"), wait) as mine:
        if not mine:
            return None
        if path.exists() and (earlier := read_json(path)).get("key") == key:
            return earlier
        record = {"key": key} | _measured(patient, analysis)
        write_json(path, record)
        return record


def _measured(patient: ManifestPatient, analysis: Analysis) -> Record:
    record: Record = {}
    volumes = dict.fromkeys(DEFINITIONS, 0.0)
    try:
        for row in patient.rows:
            measured = measure(patient.folder / row.scan, row.frame_interval_s, analysis)
            one = measured.lesion.volumes(measured.scan.spacing)
            volumes = {name: round(volumes[name] + (one[f"core_{name}_ml"] or 0), 3) for name in volumes}
        record["core_ml"] = volumes
    except Excluded as finding:
        record["reason"] = finding.reason
    return record


def _completed(patient: ManifestPatient, record: Record, found: Record, label: str | None, volumes: bool) -> Pair:
    measured = found.get("core_ml")
    if volumes:
        columns = {f"scan_{name}_ml": str(measured[name]) if measured else "" for name in DEFINITIONS}
        patient = replace(patient, carried=patient.carried | columns)
    if label is None or record["core_ml"] is not None:
        return patient, record
    if measured is None:
        kept = {key: record[key] for key in ("number", "key")}
        return patient, kept | {"stage": "perfusion", "reason": found["reason"]}
    return replace(patient, label_definition=DEFINITIONS[label]), record | {"core_ml": measured[label]}
