"""The standard series of single patients: made once, and recorded."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stroke_ctp import __version__
from stroke_ctp.cohort.cohort_folder import CohortFolder
from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.standard_series import standard_series
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.files import file_digest
from stroke_ctp.scan.quality import Quality
from stroke_ctp.scan.read import scan_files


@dataclass(frozen=True)
class SeriesRecord:
    """The result for one patient: a series in the cohort, or the reason why there is none."""

    core_ml: float | None = None
    sha256: str = ""
    """Of the series."""
    quality: Quality | None = None
    motion: list[Quality] | None = None
    stage: str | None = None
    """Where in the flowchart the patient is excluded; None for an included patient."""
    reason: str | None = None

    @property
    def included(self) -> bool:
        """Whether there is a series."""
        return self.reason is None


Result = tuple[ManifestPatient, SeriesRecord]
"""A patient of the manifest with the result."""


def record_key(patient: ManifestPatient, settings: Mapping[str, Any]) -> str:
    """Hash of everything that determines a patient's results.

    That is: rows of the manifest, settings, and files by size, time of change and permission to read.
    """
    files = []
    for path in [*(file for scan in patient.scans() for file in scan_files(scan)), *patient.masks()]:
        status = path.stat() if path.is_file() else None
        access = (os.access(path, os.R_OK), path.is_symlink())  # a file that excluded its patient may be mended
        files.append(None if status is None else (path.name, status.st_size, status.st_mtime_ns, *access))
    content = (__version__, patient.patient, [asdict(row) for row in patient.rows], dict(settings), files)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def finished_record(folder: CohortFolder, patient: ManifestPatient, rules: Rules) -> SeriesRecord | None:
    """The record of an earlier command, if it is still valid and its series is intact."""
    record = folder.records.read(patient.number, record_key(patient, asdict(rules)), SeriesRecord)
    if record is None:
        return None
    series = folder.series_path(folder.series_name(patient.number))
    intact = not record.included or (series.is_file() and file_digest(series) == record.sha256)
    return record if intact else None


def preprocess_patient(
    patient: ManifestPatient, *, folder: CohortFolder, rules: Rules, wait: bool
) -> SeriesRecord | None:
    """Make one patient's series, write it, then its record, unless another process has done so.

    Args:
        patient: Scans and slices of one patient.
        folder: The cohort.
        rules: Rules of inclusion.
        wait: Whether to wait while another process works on this patient.

    Returns:
        The record; None without waiting while another process works on this patient.
    """
    with folder.records.lock(patient.number, wait) as locked:
        return (finished_record(folder, patient, rules) or _processed(patient, folder, rules)) if locked else None


def _processed(patient: ManifestPatient, folder: CohortFolder, rules: Rules) -> SeriesRecord:
    key = record_key(patient, asdict(rules))
    try:
        series = standard_series(patient, rules)
    except Excluded as exclusion:
        record = SeriesRecord(stage=exclusion.stage, reason=exclusion.reason)
    else:
        digest = folder.write_series(folder.series_name(patient.number), series.hu)
        record = SeriesRecord(series.core_ml, digest, series.quality, series.motion)
    if record.included or record_key(patient, asdict(rules)) == key:  # a file that changed meanwhile is read again
        folder.records.write(patient.number, key, asdict(record))
    return record
