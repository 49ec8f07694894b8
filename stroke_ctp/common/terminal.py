"""Standard output and error that outlast their terminal, and say what they can on one of few characters."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

AFTER_THE_TERMINAL = "nohup.out"
"""File that a command's output is appended to once its terminal is closed, as with nohup."""


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Let the block go on where its terminal is closed or the reader of a pipe has gone."""
    before = sys.stdout, sys.stderr
    make_streams_last()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def make_streams_last() -> None:
    """The same for the rest of the process."""
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)


def _lasting(stream: Any) -> Any:
    if stream is None:  # closed before the start: bars of progress would fail
        stream = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return LastingStream(stream)


class LastingStream:
    """A text stream; what it cannot deliver goes into a file if it was a terminal, else nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._is_terminal = stream, stream.isatty()

    def write(self, text: str) -> int:
        """As of a text stream."""
        self._delivered(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """As of a text stream."""
        self._delivered(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _delivered(self, operation: Callable[[], object]) -> None:
        try:
            operation()
        except OSError as error:
            self._replace_file()
            if error.errno not in (errno.EIO, errno.EPIPE):  # such as a full disk, which the user must know
                raise
            # What could not be written is still in the buffer, if there is one.
            (operation if self._stream.write_through else self._stream.flush)()

    def _replace_file(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        replacement = None
        if self._is_terminal:
            with suppress(OSError):
                replacement = os.open(AFTER_THE_TERMINAL, flags, 0o666)
        if replacement is None:
            replacement = os.open(os.devnull, os.O_WRONLY)
        os.dup2(replacement, self._stream.fileno())
        os.close(replacement)
