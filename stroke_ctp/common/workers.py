"""What a process of a pool does before its first call."""

import functools
import os
import threading
import time

from stroke_ctp.common.terminal import make_streams_last

_INTERVAL_S = 0.5
"""Time between looks for the parent [s]."""


@functools.cache
def serve(parent: int) -> None:
    """Make this process end when its parent is gone, however that ended, and outlast the terminal with it.

    Args:
        parent: The process that started this one.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    make_streams_last()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_INTERVAL_S)
    os._exit(1)
