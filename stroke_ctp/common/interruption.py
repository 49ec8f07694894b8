"""Signals of a command, from its first import to its exit: Ctrl-C, termination, a closed terminal.

Libraries load for seconds before a command runs, and are taken down after it. A signal ends the process at once then:
nothing is in work. While the command works, it is an exception, so that everything in work is put away.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType

_ENDED_BY = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_TOGETHER_S = 1.0
"""Requests to terminate within this are one [s]: `timeout` sends one to a process and one to its group."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a request to terminate; libraries treat both as Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.status = _status(number)
        self.sentence = f"{_ENDED_BY[signal.Signals(number)]}; the same command continues"


def end_quietly_while_loading() -> None:
    """Make signals and a lack of memory end this process with a sentence; called before anything else is imported."""
    _handle(_end_at_once)
    sys.excepthook = _tell_error


@contextmanager
def interruptible() -> Iterator[None]:
    """Make signals raise `Interrupted` in the block, and a second one end the process; a closed terminal does nothing.

    A second SIGTERM within a second of the first is the same request.

    What ignores a signal from its start, like a background process of a script, keeps ignoring it.
    """
    before = {number: signal.getsignal(number) for number in (*_ENDED_BY, signal.SIGHUP)}
    _handle(_interrupt)
    if before[signal.SIGHUP] == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # also in the processes that this one starts
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _ENDED_BY:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(number: int, _: FrameType | None) -> None:
    began = time.monotonic()

    def again(second: int, frame: FrameType | None) -> None:
        if second != signal.SIGTERM or second != number or time.monotonic() - began > _TOGETHER_S:
            _end_at_once(second, frame)  # where putting away takes too long, or hangs

    _handle(again)
    raise Interrupted(number)


def _end_at_once(number: int, _: FrameType | None) -> None:
    with suppress(OSError):
        os.write(2, f"\nstroke_ctp: {_ENDED_BY[signal.Signals(number)]}\n".encode())
    os._exit(_status(number))


def _status(number: int) -> int:
    """Exit status, as shells give it."""
    return 128 + number


def _tell_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an error that no command has met.

    Libraries that find no memory while they load raise many kinds; a signal may come while a command reports its end.
    """
    from stroke_ctp.common.errors import is_out_of_memory  # here, so that nothing loads before signals are handled

    if isinstance(error, Interrupted):
        _end_at_once(error.number, None)
    if is_out_of_memory(error):
        print(f"stroke_ctp: memory is exhausted ({error}); free some, or raise its limit", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
