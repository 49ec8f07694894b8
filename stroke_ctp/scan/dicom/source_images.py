"""Headers of the images that a result was made of, for the objects that refer to them."""

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from stroke_ctp.common.errors import UserError
from stroke_ctp.scan.dicom.acquisition import find_acquisition
from stroke_ctp.scan.dicom.ct_files import silence_dicom_libraries
from stroke_ctp.scan.dicom.frame_times import acquisition_times

_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "PositionReferenceIndicator"),
)
"""Results must have these too (DICOM's type 2), and a source without them is common."""
_KEPT = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesNumber", "InstanceNumber"),
    *("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SliceThickness"),
    *("Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *_MAY_BE_EMPTY,
]
"""By these an archive files an object with its study. Private attributes, institution, physicians and comments are not
read, so that they cannot be copied."""


@silence_dicom_libraries()
def source_images(path: Path, slices: Sequence[int]) -> list[Dataset]:
    """Headers of the earliest image of some slices.

    Args:
        path: Folder or file of the scan.
        slices: Counted from inferior, as in `CTPScan.hu`.

    Raises:
        Excluded: The scan cannot be read.
        UserError: Its images are not single ones.
    """
    frames, stack = find_acquisition(path)
    acquired = acquisition_times(frames, stack.slice_of, order_suffices=True)
    found: list[pydicom.Dataset] = []
    for index in slices:
        first = min((row for row in range(len(frames)) if stack.slice_of[row] == index), key=lambda row: acquired[row])
        header = pydicom.dcmread(frames[first].path, stop_before_pixels=True, specific_tags=_KEPT)
        if header.SOPClassUID != CTImageStorage:
            raise UserError(
                f"format=dicom refers to CT images of one frame each, got enhanced ones in {frames[first].name}; "
                "use format=nifti"
            )
        for keyword in _MAY_BE_EMPTY:
            if keyword not in header:
                setattr(header, keyword, None)
        found.append(header)
    return found
