"""Headers of the images that a result was made of, for the objects that refer to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from stroke_ctp.common.errors import UserError
from stroke_ctp.scan.ctp_scan import Placement
from stroke_ctp.scan.dicom.acquisition import find_acquisition
from stroke_ctp.scan.dicom.ct_files import silence_dicom_libraries
from stroke_ctp.scan.dicom.frame_headers import Frame
from stroke_ctp.scan.dicom.frame_times import acquisition_times

_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "PositionReferenceIndicator"),
)
"""Results must have these too (DICOM's type 2), and a source without them is common."""
_KEPT = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesNumber", "InstanceNumber"),
    *("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SliceThickness"),
    *("NumberOfFrames", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *_MAY_BE_EMPTY,
]
"""By these an archive files an object with its study. Private attributes, institution, physicians and comments are not
read, so that they cannot be copied."""
_ELSEWHERE = [1e9] * 3
"""Position of the frames of a file that are not of the acquisition: near no slice [mm]."""


@dataclass(frozen=True)
class DicomTarget:
    """Where results belong."""

    source: Sequence[Dataset]
    """Headers of the images that they were made of, one per level, or of one enhanced image."""
    placement: Placement
    """Of the scan."""
    slices: Sequence[int]
    """Of the levels, counted from inferior."""
    spacing: tuple[float, float, float]
    """Distance between slices, rows and columns [mm]."""


@silence_dicom_libraries()
def source_images(path: Path, slices: Sequence[int]) -> list[Dataset]:
    """Headers of the earliest image of each of some slices, or of the one enhanced image that holds them all.

    Args:
        path: Folder or file of the scan.
        slices: Counted from inferior, as in `CTPScan.hu`.

    Raises:
        Excluded: The scan cannot be read.
        UserError: No enhanced image holds all slices.
    """
    frames, stack = find_acquisition(path)
    acquired = acquisition_times(frames, stack.slice_of, order_suffices=True)
    order = np.argsort(acquired, kind="stable").tolist()
    of_slices = [[frames[row] for row in order if stack.slice_of[row] == index] for index in slices]
    headers = [_header(earliest) for earliest, *_ in of_slices]
    if all(header.SOPClassUID == CTImageStorage for header in headers):
        return headers
    shared = next((frame for frame in of_slices[0] if all(_in_file(frame.path, others) for others in of_slices)), None)
    if shared is None:
        raise UserError(
            "format=dicom refers to CT images of one frame each, or to an enhanced one that shows all levels, got "
            f"{of_slices[0][0].name}, which shows one; use format=nifti"
        )
    return [_with_positions(_header(shared), [frame for frame in frames if frame.path == shared.path])]


def _in_file(path: Path, frames: Sequence[Frame]) -> bool:
    return any(frame.path == path for frame in frames)


def _header(frame: Frame) -> Dataset:
    """What is kept of a file."""
    header = pydicom.dcmread(frame.path, stop_before_pixels=True, specific_tags=_KEPT)
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, None)
    return header


def _with_positions(header: Dataset, frames: Sequence[Frame]) -> Dataset:
    """The header of an enhanced image with the geometry of its frames, and nothing else of what it says of them."""
    first, position = frames[0], {frame.index: list(frame.position) for frame in frames}
    header.SliceThickness = first.thickness
    measures = _item(PixelSpacing=list(first.spacing), SliceThickness=first.thickness)
    orientation = _item(ImageOrientationPatient=list(first.orientation))
    shared = _item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    header.SharedFunctionalGroupsSequence = [shared]
    header.PerFrameFunctionalGroupsSequence = [
        _item(PlanePositionSequence=[_item(ImagePositionPatient=position.get(index, _ELSEWHERE))])
        for index in range(int(header.NumberOfFrames))
    ]
    return header


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item
