"""Image codecs (JPEG, JPEG-LS, JPEG 2000) in a process of their own.

On damaged pixels these libraries may crash, loop, take all memory, or write to the terminal. There, that costs the
image and not the command. The process is started once and decodes all images of its parent.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from pydicom.uid import UID, RLELossless

from stroke_ctp.scan.dicom import codec_worker
from stroke_ctp.scan.dicom.codec_worker import REPLY

_LIMIT_S = 60.0
"""Longest wait for a frame, and for the start of the process; a large one takes a second."""


_running: dict[int, "_Process"] = {}
"""The codec process of this process, by the number of this one: a fork must not read what is meant for its parent."""


class CodecError(Exception):
    """A frame cannot be decoded."""


class _CodecGoneError(CodecError):
    """The process has ended or does not answer, perhaps for a reason that is not the image."""


def needs_codec(syntax: UID) -> bool:
    """Whether pixels of a transfer syntax go through a library in C."""
    return bool(syntax.is_encapsulated) and syntax != RLELossless


def decoded_frames(path: Path, syntax: UID, frames: Sequence[int]) -> Iterator[Integer[np.ndarray, "rows columns"]]:
    """Stored values of frames of one file.

    Args:
        path: The file.
        syntax: Transfer syntax of its pixels.
        frames: Numbers of the frames, from 0.

    Raises:
        CodecError: A frame cannot be decoded, or its codec crashed or came to no end twice.
    """
    left = list(frames)
    try:
        for image in _answers(path, syntax, tuple(left)):
            left.pop(0)
            yield image
    except _CodecGoneError:  # once more: memory may have been short, or the process may have died before
        yield from _answers(path, syntax, left)


def _answers(path: Path, syntax: UID, frames: Sequence[int]) -> Iterator[Integer[np.ndarray, "rows columns"]]:
    """Frames from the running process, or from a new one."""
    if os.getpid() not in _running:
        _running[os.getpid()] = _Process()
    process = _running[os.getpid()]
    finished = False
    try:
        request = {"path": str(path.absolute()), "syntax": str(syntax), "frames": list(frames)}
        process.ask(json.dumps(request).encode() + b"\n")
        for _ in frames:
            yield process.frame()
        finished = True
    finally:
        if not finished:  # it may be dead, at work, or about to send further frames
            process.end()
            del _running[os.getpid()]


class _Process:
    """A running codec process."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-P", codec_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # threads reserve memory
            start_new_session=True,  # Ctrl-C is for the command
        )

    def ask(self, request: bytes) -> None:
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(request)
            self._popen.stdin.flush()
        except OSError:
            raise _CodecGoneError("the codec process has ended") from None

    def frame(self) -> Integer[np.ndarray, "rows columns"]:
        kind, rows, columns = REPLY.unpack(self._read(REPLY.size))
        if not rows:
            raise CodecError("damaged pixels")
        dtype = np.dtype(kind.rstrip(b"\0").decode())
        pixels = np.frombuffer(self._read(rows * columns * dtype.itemsize), dtype)
        return pixels.reshape(rows, columns)

    def end(self) -> None:
        self._popen.kill()
        self._popen.communicate()

    def _read(self, size: int) -> bytearray:
        assert self._popen.stdout is not None
        pipe, content = self._popen.stdout.fileno(), bytearray()
        while len(content) < size:
            ready, _, _ = select.select([pipe], [], [], _LIMIT_S)
            part = os.read(pipe, size - len(content)) if ready else b""
            if not part:
                raise _CodecGoneError("the codec crashed" if ready else f"the codec took more than {_LIMIT_S:g} s")
            content += part
        return content
