"""A clock that can be set while programs run: Python imports this first where the folder is on PYTHONPATH."""

import os
import time
from pathlib import Path

_time, _time_ns = time.time, time.time_ns


def _ahead() -> int:
    """Seconds by which the clock is ahead."""
    return int(Path(os.environ["CLOCK_AHEAD"]).read_text() or 0)  # empty while it is written


time.time = lambda: _time() + _ahead()
time.time_ns = lambda: _time_ns() + _ahead() * 10**9
