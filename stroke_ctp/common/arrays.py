"""Arrays on disk in NumPy's format, each with a digest by which damage is noticed."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Num

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, file_digest

_MOST_HEADER_BYTES = 4096
"""Longest header that is parsed; `write_array` writes 118 bytes."""
_BEFORE_HEADER_BYTES = 10
"""Format, version and length of the header."""


def write_array(path: Path, shape: tuple[int, ...], parts: Iterable[Num[np.ndarray, "..."]], dtype: type) -> None:
    """Write an array in NumPy's format, part by part.

    On a full disk, `np.save` hides the reason of the error, and writing to a memory-mapped array ends the process.

    Args:
        path: Of the file.
        shape: Of the array.
        parts: Consecutive parts along the first axis.
        dtype: Of the array.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype).data)


def write_sealed(path: Path, shape: tuple[int, ...], parts: Iterable[Num[np.ndarray, "..."]], dtype: type) -> None:
    """Write an array atomically, preceded by its SHA-256 in a file beside it; arguments as of `write_array`."""
    with atomic_write(path) as partial:
        write_array(partial, shape, parts, dtype)
        with atomic_write(_seal(path)) as seal:
            seal.write_text(file_digest(partial) + "\n")


def is_intact(path: Path) -> bool:
    """Whether an array that `write_sealed` wrote is there, with the bytes that it was written with.

    Raises:
        OSError: A file cannot be read, which says nothing about its bytes.
    """
    try:
        return _seal(path).read_text().strip() == file_digest(path)
    except (FileNotFoundError, ValueError):
        return False


def remove_sealed(path: Path) -> None:
    """Remove an array and its digest."""
    for file in (path, _seal(path)):
        file.unlink(missing_ok=True)


def mapped_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: type,
    way_out: str,
    mode: Literal["r", "c"] = "r",
    shown: Path | None = None,
) -> Num[np.ndarray, "..."]:
    """Memory-map an array of known shape and type from a NumPy file.

    Args:
        path: Of the file.
        shape: Required shape.
        dtype: Required type of the elements.
        way_out: Remedy for a damaged file, for the message.
        mode: `r`, or `c` for readers that need writable memory; the file never changes.
        shown: Path in error messages, if it is not `path`.

    Raises:
        UserError: The file is missing, is no array, is not as long as its array, or holds another one.
        OSError: It cannot be read, which says nothing about its content.
    """
    named = shown or path
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        found = _layout(path)
        required = (shape, np.dtype(dtype))
        if found[:2] != required:
            raise UserError(f"{named} must have {_described(required)}, got {_described(found[:2])}; {way_out}")
        expected, got = found[2] + int(np.prod(shape)) * required[1].itemsize, path.stat().st_size
        if got != expected:
            raise ValueError(f"it has {got} bytes instead of {expected}")
        return np.memmap(path, *required[1:], mode, found[2], shape)
    except (FileNotFoundError, ValueError) as error:
        raise UserError(f"{named} cannot be read ({getattr(error, 'strerror', error)}); {way_out}") from None


def _layout(path: Path) -> tuple[tuple[int, ...], Any, int]:
    """Shape, type and start of the elements, by the file's header."""
    with path.open("rb") as file:
        start = BytesIO(file.read(_BEFORE_HEADER_BYTES + _MOST_HEADER_BYTES))
    try:
        if np.lib.format.read_magic(start) != (1, 0):
            raise ValueError("of a later version")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(start, _MOST_HEADER_BYTES)
    except Exception:  # the header is Python source: errors are of many types
        raise ValueError("it is no array of NumPy") from None
    if fortran:
        raise ValueError("its axes are in reverse order")
    return shape, dtype, start.tell()


def _described(layout: tuple[tuple[int, ...], Any]) -> str:
    return "the shape {} and the type {}".format(*layout)


def _seal(path: Path) -> Path:
    return path.with_suffix(".sha256")
