"""What has been done for each patient, so that a second run does not do it again."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stroke_ctp import __version__
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.standard_series import standard_series
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import at_work, file_digest, read_json, whole, write_array, write_json
from stroke_ctp.scan.inclusion import Excluded, Rules
from stroke_ctp.scan.read import scan_files

Record = dict[str, Any]
"""One patient in JSON: number, key, and either core_ml, sha256, quality and motion, or stage and reason."""


def series_path(out: Path, patient: ManifestPatient) -> Path:
    """File of a patient's series in the cohort `out`."""
    return out / "series" / f"{patient.number:05d}.npy"


def record_path(out: Path, patient: ManifestPatient) -> Path:
    """File of a patient's record in the cohort `out`."""
    return out / ".records" / f"{patient.number:05d}.json"


def record_key(patient: ManifestPatient, settings: Mapping[str, Any]) -> str:
    """Hash of everything that determines a patient's series; files count by size, time of change and being readable."""
    files = []
    for path in [*(file for scan in patient.scans() for file in scan_files(scan)), *patient.masks()]:
        status = path.stat() if path.is_file() else None
        opens = (os.access(path, os.R_OK), path.is_symlink())  # of what excluded a patient and has been mended
        files.append(None if status is None else (path.name, status.st_size, status.st_mtime_ns, *opens))
    content = (__version__, patient.patient, [asdict(row) for row in patient.rows], dict(settings), files)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def valid_record(out: Path, patient: ManifestPatient, rules: Rules) -> Record | None:
    """The record of an earlier run if it still holds, and its series is as it was written."""
    try:
        record = read_json(record_path(out, patient))
    except (OSError, UserError):
        return None
    if record.get("key") != record_key(patient, asdict(rules)):
        return None
    series = series_path(out, patient)
    whole_series = "reason" in record or (series.is_file() and file_digest(series) == record.get("sha256"))
    return record if whole_series else None


def make_record(patient: ManifestPatient, *, out: Path, rules: Rules, wait: bool) -> Record | None:
    """Make one patient's series and write it, then the record, unless others who fill the same folder have done it.

    Args:
        patient: Scans and slices of one patient.
        out: Folder of the cohort.
        rules: What can be included, and how.
        wait: For others who are at this patient.

    Returns:
        The record; None where others are at this patient and are not waited for.
    """
    with at_work(record_path(out, patient).with_suffix(".lock"), wait) as mine:
        return (valid_record(out, patient, rules) or _made(patient, out, rules)) if mine else None


def _made(patient: ManifestPatient, out: Path, rules: Rules) -> Record:
    record: Record = {"number": patient.number, "key": record_key(patient, asdict(rules))}
    try:
        series = standard_series(patient, rules)
    except Excluded as exclusion:
        record |= {"stage": exclusion.stage, "reason": exclusion.reason}
    else:
        digest = _write_series(series_path(out, patient), series.hu)
        record |= {"core_ml": series.core_ml, "sha256": digest}
        record |= {"quality": series.quality, "motion": series.motion}
    write_json(record_path(out, patient), record)
    return record


def _write_series(path: Path, hu: np.ndarray) -> str:
    with whole(path) as partial:
        write_array(partial, hu.shape, [hu], np.float16)
        digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    return digest
