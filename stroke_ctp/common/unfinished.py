"""Files that are being written: a temporary name, and a lock that tells whether the writer still lives."""

import fcntl
import functools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".partial-"
"""Of the names of unfinished files."""


@contextmanager
def unfinished_file(folder: Path, suffix: str) -> Iterator[tuple[int, Path]]:
    """A new empty file under a temporary name, as descriptor and path; removed after the block if it is still there.

    Others may read it as the umask says; the umask itself cannot be read without a change that all threads see. It is
    locked while the block runs. What killed processes left in the folder is removed before.

    Args:
        folder: Of the file; it must exist.
        suffix: End of its name.
    """
    _remove_leftovers_once(folder)
    descriptor, path = _locked_file(folder, suffix)
    try:
        yield descriptor, path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files of killed processes; those of living ones stay, also of other machines."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # being written, removed by another command, or without permission
            _remove_unlocked(path)


_remove_leftovers_once = functools.cache(remove_leftovers)


def _locked_file(folder: Path, suffix: str) -> tuple[int, Path]:
    while True:
        path = folder / f"{PREFIX}{secrets.token_hex(8)}{suffix}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # without locks nobody can tell a leftover, and all stay
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)  # another command took it for a leftover before it was locked


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
