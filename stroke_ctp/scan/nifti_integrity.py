"""Checks for damage that ITK's NIfTI reader hides: missing voxels and NaN become 0, a voxel size of 0 becomes 1."""

import gzip
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Float32

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.itk import silence_warnings

_FLOATS = {"16": "f4", "64": "f8"}
"""Voxel types that can hold NaN, by the header's datatype (nifti1.h)."""
_HEADER_BYTES = 348
"""Size of a header, and its first field."""
_MAGIC, _MAGIC_2 = b"n+1\0", b"n+2\0"
_CHUNK_BYTES = 1 << 20


def require_intact(path: Path) -> None:
    """Require a NIfTI file with all its voxels, of a positive size and with finite values.

    Raises:
        Excluded: A voxel is NaN or infinite or has no size, or the file is NIfTI-2, which ITK does not read.
        OSError, EOFError, RuntimeError, zlib.error: The file ends early, is corrupt or is not NIfTI.
    """
    start = _start(path)
    if start[4:8] == _MAGIC_2:
        raise Excluded("reading", f"scan must be NIfTI-1, got NIfTI-2 ({path.name}); convert it")
    if start[344:348] != _MAGIC:
        raise OSError("no magic")  # ITK would read it as Analyze 7.5, which does not define the axes
    size_mm = _voxel_dimensions(start)[1:4]
    if not np.all((size_mm > 0) & np.isfinite(size_mm)):
        got = " × ".join(f"{mm:g}" for mm in size_mm)
        raise Excluded("reading", f"voxels must be > 0 mm, got {got} ({path.name}); write the file again")
    header = read_header(path)
    float_type = _FLOATS.get(header.GetMetaData("datatype"))
    if float_type is None and not _is_packed(path):
        found = path.stat().st_size - _offset(header)
    else:
        found = 0
        voxel_type = _byte_order(start) + float_type if float_type else None
        for chunk in _chunks(path, _offset(header)):
            found += len(chunk)
            if voxel_type:
                _require_finite(chunk, voxel_type, path)
    expected = int(np.prod(header.GetSize())) * int(header.GetMetaData("bitpix")) // 8
    if found < expected:
        raise OSError(f"{found} of {expected} bytes")


def read_header(path: Path) -> sitk.ImageFileReader:
    """A NIfTI file's axes, sizes and fields, without its voxels.

    Raises:
        RuntimeError: It is no NIfTI file.
    """
    silence_warnings()
    header = sitk.ImageFileReader()
    header.SetFileName(str(path))
    header.SetImageIO("NiftiImageIO")
    header.ReadImageInformation()
    return header


def _offset(header: sitk.ImageFileReader) -> int:
    """Where the voxels begin [bytes]."""
    return int(float(header.GetMetaData("vox_offset")))


def _chunks(path: Path, offset: int) -> Iterator[bytes]:
    """The decompressed voxels, to the end of the file, so that gzip verifies its checksum."""
    with _opened(path) as file:
        file.read(offset)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def stored_time_step(path: Path) -> float:
    """The stored time step, in the header's unit of time; ITK replaces 0 by 1."""
    return float(_voxel_dimensions(_start(path))[4])


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path) if _is_packed(path) else path.open("rb")


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _start(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read(_HEADER_BYTES)


def _voxel_dimensions(header: bytes) -> Float32[np.ndarray, " axis"]:
    """The header's `pixdim`: a sign, then the voxel's size along each axis, in the header's units."""
    return np.frombuffer(header, _byte_order(header) + "f4", count=8, offset=76)


def _byte_order(header: bytes) -> str:
    return "<" if int.from_bytes(header[:4], "little") == _HEADER_BYTES else ">"


def _require_finite(chunk: bytes, voxel_type: str, path: Path) -> None:
    size = np.dtype(voxel_type).itemsize
    voxels = np.frombuffer(chunk[: len(chunk) // size * size], voxel_type)
    if not np.all(np.isfinite(voxels)):
        raise Excluded("intensity", f"values must be finite, got NaN or infinity (scan {path.name}); export it again")
