"""The pixels of DICOM frames in Hounsfield units."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from jaxtyping import Float32, Integer
from pydicom.pixels import get_decoder, iter_pixels
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from stroke_ctp.common.errors import Excluded, raise_if_passing
from stroke_ctp.common.geometry import AIR_HU
from stroke_ctp.scan.dicom.codecs import decoded_frames, needs_codec
from stroke_ctp.scan.dicom.frame_headers import Frame


def decode_hu(frames: Sequence[Frame]) -> Iterator[Float32[np.ndarray, "rows columns"]]:
    """Frames of one file [HU], in their order; padding is air.

    Raises:
        Excluded: The pixels are damaged, or compressed in an unsupported way.
    """
    for frame, stored in zip(frames, _stored_images(frames), strict=True):
        yield to_hu(stored, frame)


def to_hu(stored: Integer[np.ndarray, "rows columns"], frame: Frame) -> Float32[np.ndarray, "rows columns"]:
    """Stored values as attenuation [HU]: slope × value + intercept, and air where the value is padding."""
    unused = 8 * stored.itemsize - frame.bits_stored
    if unused:
        # the unused bits may hold an overlay, or lack the sign
        stored = (stored << unused) >> unused
    slope, intercept = frame.rescale
    hu = np.multiply(stored, np.float32(slope), dtype=np.float32)
    hu += np.float32(intercept)
    if frame.padding is not None:
        hu[(stored >= frame.padding[0]) & (stored <= frame.padding[1])] = AIR_HU
    return hu


def _stored_images(frames: Sequence[Frame]) -> Iterator[Integer[np.ndarray, "rows columns"]]:
    """Stored values of frames of one file."""
    path, name = frames[0].path, frames[0].name
    syntax = UID(frames[0].syntax or ImplicitVRLittleEndian)  # old files do not state it
    _require_decoder(syntax, name)
    try:
        for stored in _decoded(path, syntax, [frame.index for frame in frames]):
            if stored.shape != frames[0].shape or stored.dtype.kind not in "iu":
                raise ValueError("pixels do not match the header")
            yield stored
    except PermissionError:
        raise Excluded("reading", f"file {name} cannot be opened; give yourself read permission") from None
    except Exception as error:  # decoders raise errors of many types on damaged pixels
        raise_if_passing(error, path)
        raise Excluded(
            "reading",
            f"pixels of file {name} cannot be decoded as {syntax.name}: truncated, damaged or of a rare kind; "
            "copy it again, or export the scan uncompressed",
        ) from None


def _decoded(path: Path, syntax: UID, indices: list[int]) -> Iterator[Integer[np.ndarray, "rows columns"]]:
    if needs_codec(syntax):
        return decoded_frames(path, syntax, indices)
    # a deflated file is decompressed as a whole
    source = pydicom.dcmread(path) if syntax == DeflatedExplicitVRLittleEndian else path
    return iter_pixels(source, indices=indices, raw=True, transfer_syntax_uid=syntax)


def _require_decoder(syntax: UID, name: str) -> None:
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise Excluded(
            "reading",
            f"pixels of file {name} must be in a transfer syntax that can be decoded, got {syntax.name} ({syntax}); "
            "export the scan uncompressed",
        )
