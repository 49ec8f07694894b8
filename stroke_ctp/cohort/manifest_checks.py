"""Checks of a manifest against the headers of its scans, before processing starts."""

from collections.abc import Iterable
from pathlib import Path

from stroke_ctp.cohort.inclusion import check_level
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.common.errors import Excluded, UserError
from stroke_ctp.common.text import printable
from stroke_ctp.scan.nifti import time_axis
from stroke_ctp.scan.nifti_integrity import read_header
from stroke_ctp.scan.read import is_nifti


def check_scans(patients: Iterable[ManifestPatient]) -> None:
    """Refuse mistakes in the manifest, which the user corrects; they are no reason to exclude a patient.

    Raises:
        UserError: A file is missing, a scan is not 4D, or a level lies outside its scan.
    """
    for patient in patients:
        name = printable(patient.patient)
        for path in patient.scans():
            if not _exists(path):
                raise UserError(f"there is no scan {printable(str(path))} (patient {name}); correct the manifest")
        for path in patient.masks():
            if not _exists(path) or path.is_dir():
                raise UserError(f"there is no file {printable(str(path))} (patient {name}); correct the manifest")
        for row, path in zip(patient.rows, patient.scans(), strict=True):
            # reading all DICOM headers takes long: their faults exclude the patient later
            size = _size(path) if is_nifti(path) else None
            if size is None:
                continue
            try:
                time_axis(size, path.name)
                for level, index in row.levels.items():
                    check_level(size[2], index, level, path.name)
            except Excluded as mistake:
                raise UserError(f"patient {name}: {printable(mistake.reason)}") from None


def _exists(path: Path) -> bool:
    """Whether a path leads to a file or folder; it may be longer than any file system allows."""
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return False


def _size(path: Path) -> tuple[int, ...] | None:
    """Voxels along each axis; None for an unreadable file, which excludes its patient later."""
    try:
        return tuple(int(n) for n in read_header(path).GetSize())
    except RuntimeError:
        return None
