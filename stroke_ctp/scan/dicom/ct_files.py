"""The CT images of a folder, without identifying data."""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gdcm
import pydicom
from pydicom.dataset import FileDataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage

from stroke_ctp.common.errors import Excluded, raise_if_passing
from stroke_ctp.common.text import printable
from stroke_ctp.scan.dicom.clocks import MID_SCAN_TIME
from stroke_ctp.scan.dicom.deflated import require_moderate_size
from stroke_ctp.scan.dicom.header_fields import HeaderFields

_CT_CLASSES = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
_PREAMBLE_BYTES = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
"""Files without a preamble begin with the group of the file's or of the image's identification."""
_PRIVATE_BLOCKS = range(0x10, 0x20)
"""Blocks of private elements that are searched; a group with more owners is unknown."""
_KEYWORDS = [
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("PatientID", "PatientName", "Manufacturer", "ImageType", "ConvolutionKernel", "KVP"),
    *("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime", "TriggerTime"),
    *("TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]
_TAGS = [
    *(Tag(keyword) for keyword in _KEYWORDS),
    *(Tag(MID_SCAN_TIME.group, block) for block in _PRIVATE_BLOCKS),
    *(Tag(MID_SCAN_TIME.group, 0x100 * block + MID_SCAN_TIME.offset) for block in _PRIVATE_BLOCKS),
]
"""All attributes that are read; pydicom skips the others."""


@dataclass(frozen=True)
class ImageFile:
    """One file of CT images, with its header but without its pixels."""

    name: str
    """Path from the scan's folder."""
    path: Path
    header: FileDataset


@contextmanager
def silence_dicom_libraries() -> Iterator[None]:
    """Keep pydicom and GDCM from writing header content to warnings and logs."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # its modules' loggers inherit it
    for switch_off in (gdcm.Trace.DebugOff, gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff):
        switch_off()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def ct_files(folder: Path) -> list[ImageFile]:
    """All CT images below a folder, in the order of their names.

    Other modalities, reports, colour images, DICOMDIR, hidden files and files that are not DICOM are ignored;
    linked folders are not followed.

    Raises:
        Excluded: No CT image, several patients, an unreadable file, or a link to a file elsewhere.
    """
    names = _file_names(folder)
    files = [file for name in names if (file := _ct_file(folder / name, printable(name))) is not None]
    if not files:
        raise Excluded(
            "reading",
            f"folder {folder.name} must hold CT images, got none in {len(names)} files; give the one that holds them",
        )
    _require_one_patient(files)
    return files


def _file_names(folder: Path) -> list[str]:
    """Paths of the regular files below a folder, relative to it."""
    names = []
    for parent, _, entries in os.walk(folder, onerror=_refuse_folder):
        for entry in entries:
            path = Path(parent, entry)
            if not entry.startswith(".") and _is_within(path, folder):
                names.append(path.relative_to(folder).as_posix())
    return sorted(names)


def _refuse_folder(error: OSError) -> None:
    raise_if_passing(error, Path(error.filename))
    name = printable(Path(str(error.filename)).name)
    raise Excluded("reading", f"folder {name} cannot be opened; give yourself read permission") from None


def _is_within(path: Path, folder: Path) -> bool:
    """Whether a path is a regular file; a link must lead to one in the same folder."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise_if_passing(error, path)
        target = None
    if target is None or (path.is_symlink() and not target.is_relative_to(folder.resolve())):
        name = printable(path.name)
        raise Excluded(
            "reading", f"file {name} must be in the scan's folder, got a link that leads elsewhere; copy the file"
        )
    return target.is_file()


def _ct_file(path: Path, name: str) -> ImageFile | None:
    try:
        if path.stat().st_size == 0:
            raise Excluded("reading", f"file {name} is empty; copy it again or remove it")
        if not is_dicom(path):
            return None
        require_moderate_size(path, name)
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=_TAGS)
        sop_class = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
        samples = header.get("SamplesPerPixel", 1)
    except Excluded:
        raise
    except PermissionError:
        raise Excluded("reading", f"file {name} cannot be opened; give yourself read permission") from None
    except Exception as error:  # pydicom raises errors of many types on damaged headers
        raise_if_passing(error, path)
        sop_class = None
    if not sop_class:
        raise Excluded("reading", f"file {name} cannot be read: its header is damaged; copy it again or remove it")
    return ImageFile(name, path, header) if sop_class in _CT_CLASSES and samples == 1 else None


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does."""
    with path.open("rb") as file:
        start = file.read(_PREAMBLE_BYTES + 4)
    return start[_PREAMBLE_BYTES:] == b"DICM" or (start[:2] in _FIRST_GROUPS and start[3:4] == b"\x00")


def _require_one_patient(files: Sequence[ImageFile]) -> None:
    for keyword in ("PatientID", "PatientName"):
        holders: dict[str, str] = {}
        for file in files:
            text = HeaderFields(file.name, (file.header,)).text(keyword)
            person = " ".join(text.replace("^", " ").casefold().split())
            if person:
                holders.setdefault(person, file.name)
        if len(holders) > 1:
            first, second, *_ = holders.values()
            raise Excluded(
                "reading",
                f"images of a folder must show one patient, got several (in {first} and in {second}); separate them",
            )
