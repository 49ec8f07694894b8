"""The fields of a NIfTI-1 header that say how large the file must be, parsed here: ITK trusts them."""

import gzip
import struct
from dataclasses import dataclass
from io import BufferedReader
from math import isfinite, isinf, prod
from pathlib import Path

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.sizes import require_size

_HEADER_BYTES = 348
"""Size of a header, and its first field."""
_MAGIC, _MAGIC_2 = b"n+1\0", b"n+2\0"
_VOXEL_BYTES = {
    **{2: 1, 4: 2, 8: 4, 16: 4, 32: 8, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4},
    **{1024: 8, 1280: 8, 1536: 16, 1792: 16, 2048: 32, 2304: 4},
}
"""Size of a voxel by the header's `datatype` (nifti1.h)."""
_FLOATS = {16: "f4", 64: "f8"}
"""Voxel types that can hold NaN."""
_OFFSETS = (352, 1 << 26)
"""Where voxels may begin [bytes]: behind the header, and behind extensions of 64 MiB at most."""


@dataclass(frozen=True)
class NiftiHeader:
    """Layout of a file `.nii` or `.nii.gz`."""

    byte_order: str
    shape: tuple[int, ...]
    """Voxels along each axis, first axis first."""
    datatype: int
    offset: int
    """Where the voxels begin [bytes]."""
    pixdim: tuple[float, ...]
    """A sign, then the voxel's size along each axis, in the header's units."""

    @property
    def voxel_bytes(self) -> int:
        """Number of bytes that all voxels take."""
        return prod(self.shape) * _VOXEL_BYTES[self.datatype]

    @property
    def float_type(self) -> str | None:
        """Type of the stored voxels, if it can hold NaN."""
        return self.byte_order + _FLOATS[self.datatype] if self.datatype in _FLOATS else None


def nifti_header(path: Path) -> NiftiHeader:
    """Read and check a header.

    Raises:
        Excluded: The file is NIfTI-2, which ITK does not read, its voxels have no size, or there are too many.
        OSError, EOFError, zlib.error: The file ends early, is corrupt or is not NIfTI.
    """
    with opened(path) as file:
        start = file.read(_HEADER_BYTES)
    if start[4:8] == _MAGIC_2:
        raise Excluded("reading", f"scan must be NIfTI-1, got NIfTI-2 ({path.name}); convert it")
    if start[344:348] != _MAGIC:
        raise OSError("no magic")  # ITK would read it as Analyze 7.5, which does not define the axes
    order = "<" if int.from_bytes(start[:4], "little") == _HEADER_BYTES else ">"
    n_axes, *sizes = struct.unpack_from(f"{order}8h", start, 40)
    (datatype,) = struct.unpack_from(f"{order}h", start, 70)
    pixdim = struct.unpack_from(f"{order}8f", start, 76)
    if not 1 <= n_axes <= 7 or min(sizes[:n_axes]) < 1 or datatype not in _VOXEL_BYTES:
        raise OSError("impossible axes or voxel type")
    _require_voxel_size(pixdim[1:4], path.name)
    require_size(sizes[:n_axes], path.name)
    return NiftiHeader(order, tuple(sizes[:n_axes]), datatype, _offset(start, order), pixdim)


def _offset(start: bytes, order: str) -> int:
    """Where the voxels begin, after a check of the numbers with which ITK computes values and places."""
    offset, *scale = struct.unpack_from(f"{order}3f", start, 108)
    codes = struct.unpack_from(f"{order}2h", start, 252)
    forms = struct.unpack_from(f"{order}6f", start, 256), struct.unpack_from(f"{order}12f", start, 280)
    used = [value for code, form in zip(codes, forms, strict=True) if code > 0 for value in form]
    # a slope of NaN means none, an offset of NaN is outside any range
    if any(map(isinf, scale)) or not all(map(isfinite, used)) or not _OFFSETS[0] <= offset <= _OFFSETS[1]:
        raise OSError("impossible offset, scale or position")
    return int(offset)


def opened(path: Path) -> gzip.GzipFile | BufferedReader:
    """A file to be read, decompressed where its name says that it is compressed."""
    return gzip.open(path) if is_packed(path) else path.open("rb")


def is_packed(path: Path) -> bool:
    """Whether a file is compressed, by its name."""
    return path.suffix.lower() == ".gz"


def _require_voxel_size(size_mm: tuple[float, ...], name: str) -> None:
    if not all(mm > 0 and isfinite(mm) for mm in size_mm):
        got = " × ".join(f"{mm:g}" for mm in size_mm)
        raise Excluded("reading", f"voxels must be > 0 mm, got {got} ({name}); write the file again")
