"""The process that runs image codecs: `codecs.py` starts it. It imports nothing of this package, to start fast.

It reads requests from its input, one JSON object a line (path, transfer syntax, frames), and answers each frame with
`REPLY` and the pixels, or with `REPLY` of no rows where the frame cannot be decoded.
"""

import contextlib
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from pydicom.pixels import iter_pixels
from pydicom.uid import UID

REPLY = struct.Struct("<4s2I")
"""Type of the pixels in NumPy's notation, rows, columns."""
_MEMORY_BYTES = 4 << 30
"""Of this process: a frame of 4096 × 4096 pixels takes 64 MB, whatever size the compressed image declares."""

_MOST_S = 90
"""For a frame. It is more than `codecs.py` waits, and ends a loop whose command is gone."""


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until the process that asks has closed the pipe, or is gone."""
    for line in requests:
        try:
            _answer(json.loads(line), replies)
        except BrokenPipeError:
            return
        except Exception:  # codecs raise errors of many types on damaged pixels
            replies.write(REPLY.pack(b"", 0, 0))
        replies.flush()


def _answer(request: dict, replies: BinaryIO) -> None:
    frames = iter_pixels(
        request["path"], indices=request["frames"], raw=True, transfer_syntax_uid=UID(request["syntax"])
    )
    for frame in _timed(frames):
        rows, columns = frame.shape
        replies.write(REPLY.pack(frame.dtype.str.encode(), rows, columns) + frame.tobytes())


def _timed(frames: Iterator[Any]) -> Iterator[Any]:
    """The same frames; the process ends if one takes too long."""
    while True:
        signal.alarm(_MOST_S)
        try:
            frame = next(frames, None)
        finally:
            signal.alarm(0)
        if frame is None:
            return
        yield frame


def _main() -> None:
    for limit, most in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(limit, (most, most))
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # codecs write there
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    _main()
