"""Reading a scan, NIfTI or DICOM."""

from pathlib import Path

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import read_nifti

_NIFTI = (".nii", ".nii.gz", ".NII", ".NII.GZ")
"""ITK does not accept mixed case."""


def is_nifti(path: Path) -> bool:
    """Whether a path has a NIfTI file name; all others are read as DICOM."""
    return path.name.endswith(_NIFTI)


def read_scan(path: str | Path, frame_interval_s: float | None = None) -> CTPScan:
    """Read a NIfTI file, a folder of DICOM files, or the series that one DICOM file belongs to.

    Args:
        path: The scan.
        frame_interval_s: Time between frames [s]; overrides the headers'.

    Raises:
        Excluded: It cannot be read, with the reason.

    Example:
        >>> from stroke_ctp import read_scan
        >>> scan = read_scan("scan.nii.gz")
        >>> scan.hu.shape  # time, slice, height, width
        (32, 3, 136, 136)
        >>> scan.spacing  # between slices, rows and columns [mm]
        (10.0, 1.5, 1.5)
    """
    path = Path(path)
    if is_nifti(path) and path.is_dir():
        raise Excluded("reading", f"scan {path.name} must be a file, got a folder of that name; give the file itself")
    if is_nifti(path):
        return read_nifti(path, frame_interval_s)
    from stroke_ctp.scan.dicom.reader import read_dicom  # loads pydicom and GDCM

    return read_dicom(path, frame_interval_s)


def scan_files(path: Path) -> list[Path]:
    """All files of a scan; for one DICOM file, all files in its folder."""
    if is_nifti(path):
        return [path]
    folder = path if path.is_dir() else path.parent
    return sorted(file for file in folder.rglob("*") if file.is_file())
