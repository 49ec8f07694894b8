"""Errors for the user, and findings about a scan."""

import errno
import traceback
from pathlib import Path

DEFECT = "defect"
"""Stage of a scan that met an unexpected error."""
_PASSING = (errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors of a machine or a network, which say nothing about the content of a file."""


class UserError(Exception):
    """One sentence about a mistake: the parameter, the rule, the value received and the way out.

    Commands print it without a traceback and end with exit status 1. Every other exception is a defect
    of this package and keeps its traceback.
    """


class Excluded(Exception):  # noqa: N818 - a finding about a scan, not an error
    """A scan or patient cannot be used.

    Example:
        >>> from stroke_ctp import Excluded, read_scan
        >>> try:
        ...     scan = read_scan("missing.nii.gz")
        ... except Excluded as finding:
        ...     print(f"{finding.stage}: {finding}")
        reading: file missing.nii.gz does not exist; correct its path

    Attributes:
        stage: Where in the flowchart the patient is counted: reading, level, timing, intensity, motion, perfusion.
        reason: One sentence: the rule, the value received and the way out.
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage, reason)  # both are arguments, so that the exception survives pickling
        self.stage = stage
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the machine, of its GPU or of a limit: libraries raise their own errors then."""
    said = str(error).lower()
    known = ("allocate memory", "failed to map segment", "start new thread", "out of memory", "not enough memory")
    return isinstance(error, MemoryError) or any(words in said for words in known)


_REFUSALS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EFBIG, errno.EIO),
    *(errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE),
)


def is_refused_by_file_system(error: BaseException) -> bool:
    """Whether a file system refuses what it would refuse to any program, such as room on a full disk."""
    return isinstance(error, OSError) and error.errno in _REFUSALS


def may_pass(error: BaseException) -> bool:
    """Whether the same file may be read another time: memory, a disk, a network or a limit of open files failed."""
    return is_out_of_memory(error) or (isinstance(error, OSError) and error.errno in _PASSING)


def raise_if_passing(error: Exception, path: Path) -> None:
    """Raise an error again that says nothing about the content of a file that was read, and name the file in it."""
    if may_pass(error):
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise error


def described_defect(error: Exception, scan: str) -> str:
    """One sentence about an unexpected error of one scan among several: its class, place and first line.

    Args:
        error: As it was raised.
        scan: File name of the scan.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    first = str(error).strip().partition("\n")[0] or "no message"
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"unexpected {type(error).__name__} in {where}: {first} (scan {scan}); analyse it alone for the traceback"
