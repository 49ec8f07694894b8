"""Core volumes by conventional perfusion analysis: labels that a manifest lacks, and columns for the baselines."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.patient_series import Result, SeriesRecord, record_key
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.parallel import shared_map, with_progress
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS, MEASURED
from stroke_ctp.hemodynamics.maps import Analysis
from stroke_ctp.hemodynamics.reliability import Reliability
from stroke_ctp.hemodynamics.scan_analysis import analyse_scan
from stroke_ctp.scan.quality import Quality


@dataclass(frozen=True)
class CoreVolumes:
    """Core volumes of one patient, summed over the scans, with their reliability, or the reason why there are none."""

    core_ml: dict[str, float] | None = None
    """By definition of the core [mL]."""
    reliability: str | None = None
    """That of the worst scan, a level of `hemodynamics.reliability`."""
    reason: str | None = None
    """Why there are no volumes, or why they may be wrong; empty where nothing speaks against them."""


def add_core_volumes(
    folder: CohortFolder, results: Sequence[Result], label: str | None, volumes: bool, jobs: int
) -> list[Result]:
    """Measure core volumes and add them to the results of all patients.

    Args:
        folder: The cohort, which keeps the measured volumes for later commands.
        results: Of all patients of the manifest.
        label: Definition of the core whose volume replaces a missing `core_ml`; None: nothing is replaced. A patient
            whose perfusion cannot be measured, or whose measurement is unusable, is then excluded.
        volumes: Whether all patients get the columns `scan_cbv_ml` and `scan_rcbf_ml`, empty where perfusion
            cannot be measured.
        jobs: Processes.
    """
    todo = [
        patient
        for patient, record in results
        if record.included and (volumes or (label is not None and record.core_ml is None))
    ]
    if not todo:
        return list(results)
    jobs = min(jobs, len(todo))
    measured = shared_map(functools.partial(measure_core_volumes, folder=folder), todo, jobs)
    progress = with_progress(measured, "perfusion", "patients", len(todo))
    found = {patient.number: volumes_found for patient, volumes_found in progress}
    return [
        _completed(patient, record, found[patient.number], label, volumes)
        if patient.number in found
        else (patient, record)
        for patient, record in results
    ]


def measure_core_volumes(patient: ManifestPatient, *, folder: CohortFolder, wait: bool) -> CoreVolumes | None:
    """Measure a patient's core volumes, unless an earlier command did.

    Args:
        patient: Scans of one patient.
        folder: The cohort, which keeps the volumes.
        wait: Whether to wait while another process works on this patient.

    Returns:
        The volumes; None without waiting while another process works on this patient.
    """
    analysis = Analysis()
    settings = {"analysis": repr(analysis)}
    key = record_key(patient, settings)
    with folder.core_volumes.lock(patient.number, wait) as locked:
        if not locked:
            return None
        record = folder.core_volumes.read(patient.number, key, CoreVolumes)
        if record is not None:
            return record
        volumes = _measured(patient, analysis)
        if volumes.core_ml is not None or record_key(patient, settings) == key:  # as in `patient_series`
            folder.core_volumes.write(patient.number, key, asdict(volumes))
        return volumes


def _measured(patient: ManifestPatient, analysis: Analysis) -> CoreVolumes:
    total = dict.fromkeys(DEFINITIONS, 0.0)
    judged = []
    try:
        for row in patient.rows:
            measured = analyse_scan(patient.folder / row.scan, row.frame_interval_s, analysis)
            total = {name: round(total[name] + ml, 3) for name, ml in measured.readouts.core_ml.items()}
            judged.append(measured.reliability)
    except Excluded as finding:
        return CoreVolumes(reason=finding.reason)
    together = Reliability(tuple(concern for one in judged for concern in one.concerns))
    return CoreVolumes(total, together.level, together.reasons)


def _completed(
    patient: ManifestPatient, record: SeriesRecord, found: CoreVolumes, label: str | None, volumes: bool
) -> Result:
    if volumes:
        columns = {f"scan_{name}_ml": str(found.core_ml[name]) if found.core_ml else "" for name in DEFINITIONS}
        patient = replace(patient, carried=patient.carried | columns)
    if found.core_ml is not None:
        judged: Quality = {"perfusion_reliability": found.reliability, "perfusion_reason": found.reason}
        record = replace(record, quality=(record.quality or {}) | judged)
    if label is None or record.core_ml is not None:
        return patient, record
    if found.core_ml is None or found.reliability == "unusable":
        return patient, SeriesRecord(stage="perfusion", reason=f"{found.reason}; give core_ml in the manifest")
    return replace(patient, label_definition=MEASURED[label]), replace(record, core_ml=found.core_ml[label])
