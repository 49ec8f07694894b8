"""The CT perfusion acquisition in a folder."""

from collections.abc import Sequence
from pathlib import Path

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.text import printable
from stroke_ctp.scan.dicom.ct_files import ct_files, is_dicom
from stroke_ctp.scan.dicom.duplicates import drop_duplicate_frames
from stroke_ctp.scan.dicom.frame_headers import Frame
from stroke_ctp.scan.dicom.geometry import SliceStack, stack_slices
from stroke_ctp.scan.dicom.series import perfusion_frames


def find_acquisition(path: Path) -> tuple[Sequence[Frame], SliceStack]:
    """Frames of the perfusion series, each once, and their slices.

    Args:
        path: Folder, searched recursively; or one file, which selects among the series of its folder.

    Raises:
        Excluded: No perfusion scan, more than one, or a damaged or incomplete one.
    """
    if not path.exists():
        raise Excluded("reading", f"scan {path.name} does not exist; correct its path")
    if path.is_file() and not is_dicom(path):
        raise Excluded(
            "reading",
            f"scan must be a NIfTI file (.nii or .nii.gz), a CT image or a folder of them, got {printable(path.name)}; "
            "give one of these as scan",
        )
    folder, named = (path, None) if path.is_dir() else (path.parent, printable(path.name))
    found = perfusion_frames(ct_files(folder), named)
    frames = drop_duplicate_frames(found, stack_slices(found).slice_of)
    return frames, stack_slices(frames)
