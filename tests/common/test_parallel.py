import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from stroke_ctp.common.locks import exclusive_lock
from stroke_ctp.common.parallel import shared_map


def square(number: int, *, folder: Path, wait: bool) -> int | None:
    """Work that lets others know of itself."""
    with exclusive_lock(folder / str(number), wait) as mine:
        return number**2 if mine else None


def test_what_others_are_at_comes_last_and_nothing_is_lost(tmp_path):
    results = shared_map(partial(square, folder=tmp_path), range(4), jobs=1)
    with exclusive_lock(tmp_path / "1", wait=False):
        seen = [next(results) for _ in range(3)]
        assert seen == [(0, 0), (2, 4), (3, 9)]
    assert list(results) == [(1, 1)]


_BLOCKED = """
import signal, sys
from stroke_ctp.common.parallel import parallel_map
masked = lambda: {signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, [])
blocked = lambda _: masked() and type(sys.stderr).__name__ == "LastingStream"
print(list(parallel_map(blocked, range(4), jobs=2)), blocked(None))
"""


def test_workers_leave_ctrl_c_to_the_command_that_started_them_and_outlast_its_terminal():
    """In a process of its own: pools of other tests have already started what unblocks the signal."""
    found = subprocess.run([sys.executable, "-c", _BLOCKED], capture_output=True, text=True, timeout=300, check=True)
    assert found.stdout.split("] ") == ["[True, True, True, True", "False\n"]


_ORPHANED = """
import os, time
from stroke_ctp.common.parallel import parallel_map
def work(_):
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(60)
list(parallel_map(work, range(2), jobs=2))
"""


def test_workers_end_when_the_command_that_started_them_is_killed():
    command = subprocess.Popen([sys.executable, "-c", _ORPHANED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    workers = [int(command.stdout.readline()) for _ in range(2)]
    command.kill()
    command.wait()
    end = time.monotonic() + 20
    while any(_lives(worker) for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.1)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
