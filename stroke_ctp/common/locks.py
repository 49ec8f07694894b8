"""Locks between processes, on one machine and on others that share a folder."""

import errno
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stroke_ctp.common.errors import UserError

LOCK_NAME = ".lock"
"""Of the lock of a whole folder."""

_told: set[str] = set()
"""Holders that this process has said it waits for."""


@contextmanager
def exclusive_lock(lock: Path, wait: bool) -> Iterator[bool]:
    """Hold an exclusive lock, on this machine and on others that share the folder. The OS releases it on exit.

    The file names its holder, so that others can say for whom they wait.

    Args:
        lock: Lock file.
        wait: Whether to wait until other processes release the lock.

    Yields:
        Whether the caller holds the lock; False without waiting if another process does. Other processes may have
        finished the work by then.

    Raises:
        UserError: The file system has no locks.
    """
    held = FileLock(lock, fallback_to_soft=False)  # a soft lock outlives its process
    if not _acquired(held, lock, 0.0):
        if not wait:
            yield False
            return
        _tell_holder(lock)
        _acquired(held, lock, -1.0)
    try:
        with suppress(OSError):  # on a full disk, others wait for an unnamed holder
            lock.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield True
    finally:
        held.release()


@contextmanager
def only_command(folder: Path) -> Iterator[None]:
    """Keep other commands from a folder, and wait for the one that works there; arguments and errors as above.

    Folders that did not exist before and hold nothing after it are removed.
    """
    lock = folder / LOCK_NAME
    made_here = [one for one in (folder, *folder.parents) if not one.exists()]
    with exclusive_lock(lock, wait=True):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # who waits for it makes it anew
            with suppress(OSError):  # not empty, or gone
                for one in made_here:
                    one.rmdir()


def _acquired(held: FileLock, lock: Path, timeout: float) -> bool:
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        held.acquire(timeout=timeout)
    except Timeout:
        return False
    except FileNotFoundError:  # the holder has removed the folder at its end
        return _acquired(held, lock, timeout)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP):
            raise
        raise UserError(
            f"{lock.parent} must be on a file system with locks, got one without ({error.strerror}); "
            "choose another folder, or mount it with locks"
        ) from None
    return True


def _tell_holder(lock: Path) -> None:
    """Say once for whom this process waits."""
    try:
        holder = lock.read_text(encoding="utf-8", errors="replace") or "another process"
    except OSError:
        holder = "another process"
    if holder not in _told:
        _told.add(holder)
        shown = next(folder for folder in lock.parents if not folder.name.startswith("."))
        print(f"waiting for {holder}, which works in {shown}", file=sys.stderr)
