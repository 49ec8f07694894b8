"""Deflated DICOM files: pydicom unpacks them as a whole, so their size is found out before."""

import struct
import zlib
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian

from stroke_ctp.common.errors import Excluded

MOST_BYTES = 512 << 20
"""Of an unpacked file. Deflated images are rare, and hold single slices."""
_META_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
"""Tag, type and size of the first element: how long the rest of the file's identification is."""
_PREAMBLE_BYTES, _MOST_META_BYTES, _CHUNK_BYTES = 132, 1 << 16, 1 << 16


def require_moderate_size(path: Path, name: str) -> None:
    """Require that a file, if it is deflated, unpacks to `MOST_BYTES` at most.

    Args:
        path: A DICOM file.
        name: Of the file, for the reason.

    Raises:
        Excluded: It is larger.
        zlib.error: It is damaged.
    """
    with path.open("rb") as file:
        start = file.read(_PREAMBLE_BYTES + len(_META_LENGTH) + 4)
        if not start[_PREAMBLE_BYTES:].startswith(_META_LENGTH):
            return  # without this element pydicom does not know a deflated file either
        (length,) = struct.unpack("<I", start[-4:])
        if DeflatedExplicitVRLittleEndian.encode() not in file.read(min(length, _MOST_META_BYTES)):
            return
        file.seek(len(start) + length)
        unpacker, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while not unpacker.eof and (chunk := unpacker.unconsumed_tail or file.read(_CHUNK_BYTES)):
            size += len(unpacker.decompress(chunk, _CHUNK_BYTES * 16))
            if size > MOST_BYTES:
                raise Excluded(
                    "reading",
                    f"file {name} must unpack to ≤ {MOST_BYTES >> 20} MiB, got more; export the scan uncompressed",
                )
