"""Perfusion maps that a data set provides as DICOM."""

from pathlib import Path

import numpy as np
import pydicom
from jaxtyping import Integer
from pydicom.dataset import FileDataset
from pydicom.pixels import apply_rescale

from stroke_ctp.common.errors import Excluded, UserError, raise_if_passing
from stroke_ctp.scan.dicom.codecs import decoded_frames, needs_codec
from stroke_ctp.scan.dicom.ct_files import silence_dicom_libraries
from stroke_ctp.scan.dicom.deflated import require_moderate_size


@silence_dicom_libraries()
def low_volume_ml(folder: Path, limit: float) -> float:
    """Volume in which a map lies above 0 (its value outside the brain) and below a limit [mL].

    Args:
        folder: One file per slice, suffix `.dcm`.
        limit: In the map's unit.

    Raises:
        UserError: There is no file, or one is damaged, has no pixel size, or is too large.
        OSError, MemoryError: One cannot be read, which says nothing about its content.
    """
    files = sorted(folder.glob("*.dcm"))
    if not files:
        raise UserError(f"{folder} must hold the map's slices (*.dcm), got none; complete the data")
    volume_mm3 = 0.0
    for file in files:
        try:
            require_moderate_size(file, str(file))
            header = pydicom.dcmread(file)
            values = apply_rescale(_stored(file, header), header)
            pixel_mm2 = float(header.PixelSpacing[0]) * float(header.PixelSpacing[1])
            volume_mm3 += float(((values > 0) & (values < limit)).sum()) * pixel_mm2 * float(header.SliceThickness)
        except (PermissionError, FileNotFoundError):
            raise
        except Excluded as finding:
            raise UserError(str(finding)) from None
        except Exception as error:  # decoders raise errors of many types on damaged pixels
            raise_if_passing(error, file)
            raise UserError(f"{file} cannot be read as a slice of a map; copy it again") from None
    return round(volume_mm3 / 1000, 3)


def _stored(file: Path, header: FileDataset) -> Integer[np.ndarray, "rows columns"]:
    syntax = header.file_meta.TransferSyntaxUID
    if not needs_codec(syntax):
        return header.pixel_array
    (stored,) = decoded_frames(file, syntax, [0])
    return stored
