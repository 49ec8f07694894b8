"""What ITK's NIfTI reader mends in silence: missing voxels and NaN become 0, a time step of 0 becomes 1."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from stroke_ctp.scan.inclusion import Excluded

_FLOATS = {"16": "f4", "64": "f8"}
"""Voxel types that can hold NaN, by the header's datatype (nifti1.h)."""
_HEADER_BYTES = {1: 348, 2: 540}
"""Size of a header, its first field, by version of the format."""
_CHUNK_BYTES = 1 << 20


def require_intact(path: Path) -> None:
    """Require that a file says to be NIfTI and holds all its voxels, and that they are finite.

    Raises:
        Excluded: A voxel is NaN or infinite.
        OSError, EOFError, RuntimeError, zlib.error: The file ends early, is corrupt or not NIfTI.
    """
    if not _has_magic(path):
        raise OSError("no magic")  # ITK takes it for Analyze 7.5, whose axes nobody knows
    header = sitk.ImageFileReader()
    header.SetFileName(str(path))
    header.SetImageIO("NiftiImageIO")
    header.ReadImageInformation()
    float_type = _FLOATS.get(header.GetMetaData("datatype"))
    if float_type is None and path.suffix != ".gz":
        found = path.stat().st_size - _offset(header)
    else:
        found = 0
        voxel_type = _byte_order(path) + float_type if float_type else None
        for chunk in _chunks(path, _offset(header)):
            found += len(chunk)
            if voxel_type:
                _require_finite(chunk, voxel_type, path)
    expected = int(np.prod(header.GetSize())) * int(header.GetMetaData("bitpix")) // 8
    if found < expected:
        raise OSError(f"{found} of {expected} bytes")


def _offset(header: sitk.ImageFileReader) -> int:
    """Where the voxels begin [bytes]."""
    return int(float(header.GetMetaData("vox_offset")))


def _chunks(path: Path, offset: int) -> Iterator[bytes]:
    """The unpacked voxels, to the end of the file, so that gzip verifies its checksum."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        file.read(offset)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def stored_time_step(path: Path) -> float:
    """The header's fourth voxel dimension as it is stored, in the header's unit; ITK makes 1 of 0."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        header = file.read(_HEADER_BYTES[2])
    order = _byte_order(path)
    if int.from_bytes(header[:4], "little" if order == "<" else "big") == _HEADER_BYTES[1]:
        return float(np.frombuffer(header, order + "f4", count=8, offset=76)[4])
    return float(np.frombuffer(header, order + "f8", count=8, offset=104)[4])


def _has_magic(path: Path) -> bool:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        header = file.read(_HEADER_BYTES[2])
    return header[344:348] == b"n+1\0" or header[4:8] == b"n+2\0"


def _byte_order(path: Path) -> str:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return "<" if int.from_bytes(file.read(4), "little") in _HEADER_BYTES.values() else ">"


def _require_finite(chunk: bytes, voxel_type: str, path: Path) -> None:
    size = np.dtype(voxel_type).itemsize
    voxels = np.frombuffer(chunk[: len(chunk) // size * size], voxel_type)
    if not np.all(np.isfinite(voxels)):
        raise Excluded("intensity", f"values must be finite, got NaN or infinity (scan {path.name})")
