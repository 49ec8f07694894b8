"""Checks for damage that ITK's NIfTI reader hides: missing voxels and NaN become 0, a voxel size of 0 becomes 1."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.itk import itk_name, silence_warnings
from stroke_ctp.scan.nifti_header import NiftiHeader, is_packed, nifti_header, opened

_CHUNK_BYTES = 1 << 20


def require_intact(path: Path) -> None:
    """Require a NIfTI file with all its voxels, of a positive size and with finite values.

    Raises:
        Excluded: A voxel is NaN or infinite or has no size, there are too many, or the file is NIfTI-2.
        OSError, EOFError, zlib.error: The file ends early or late, is corrupt or is not NIfTI.
    """
    header = nifti_header(path)
    if header.float_type is None and not is_packed(path):
        found = path.stat().st_size - header.offset
    else:
        found = 0
        for chunk in _chunks(path, header):
            if header.float_type:
                _require_finite(chunk[: max(0, header.voxel_bytes - found)], header.float_type, path)
            found += len(chunk)
    if not header.voxel_bytes <= found <= header.voxel_bytes + _CHUNK_BYTES:  # a little more may follow
        raise OSError(f"{found} bytes, not {header.voxel_bytes}")


def read_header(path: Path) -> sitk.ImageFileReader:
    """A NIfTI file's axes, sizes and fields, without its voxels.

    Raises:
        RuntimeError: It is no NIfTI file.
    """
    silence_warnings()
    header = sitk.ImageFileReader()
    header.SetImageIO("NiftiImageIO")
    with itk_name(path) as name:
        header.SetFileName(name)
        header.ReadImageInformation()
    return header


def stored_time_step(path: Path) -> float:
    """The stored time step, in the header's unit of time; ITK replaces 0 by 1."""
    return nifti_header(path).pixdim[4]


def _chunks(path: Path, header: NiftiHeader) -> Iterator[bytes]:
    """The decompressed voxels, to the end of the file, so that gzip verifies its checksum."""
    left = header.voxel_bytes + _CHUNK_BYTES
    with opened(path) as file:
        file.read(header.offset)
        while chunk := file.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise OSError("far more bytes than voxels")  # it might unpack without end
            yield chunk


def _require_finite(chunk: bytes, voxel_type: str, path: Path) -> None:
    size = np.dtype(voxel_type).itemsize
    voxels = np.frombuffer(chunk[: len(chunk) // size * size], voxel_type)
    if not np.all(np.isfinite(voxels)):
        raise Excluded("intensity", f"values must be finite, got NaN or infinity (scan {path.name}); export it again")
