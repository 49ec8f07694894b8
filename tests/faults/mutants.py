"""Files damaged in other ways than `make test` tries: the tests of hostile files with more and other examples."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_TESTS = sorted(Path(__file__).parents[1].glob("test_hostile_*.py"))
_MOST_MB, _MOST_SECONDS = 2048, 900


def trials(seed: int, n: int) -> Iterator[dict]:
    """One for each test; what was wrong about it.

    Args:
        seed: Of the examples.
        n: Examples of all tests together.
    """
    tests = [
        f"{path}::{test}" for path in _TESTS for test in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    ]
    for test in tests if n else ():
        yield _trial(test, seed, -(-n // len(tests)))


def _trial(test: str, seed: int, n: int) -> dict:
    """One test in a process of its own, which may crash."""
    command = [sys.executable, "-m", "pytest", test, f"--hypothesis-seed={seed}"]
    command += ["--hypothesis-show-statistics", "--quiet", "-p", "no:cacheprovider"]
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HOSTILE_FILES": str(n)})
        status, peak_mb = _ended(process, began + _MOST_SECONDS)
        log.seek(0)
        said = log.read()
    tried = sum(map(int, re.findall(r"(\d+) passing", said)))
    refused = re.search(r"([\d.]+)%, refused", said)
    defects = [f"status {status}: {said[-2000:]}"] if status else []
    defects += [] if tried else ["no example was counted"]
    defects += [f"{peak_mb} MB of memory"] if peak_mb > _MOST_MB else []
    row = {"part": "mutants", "kind": test.rpartition("::test_")[2], "mutants": tried, "peak_mb": peak_mb}
    return row | {"refused_percent": float(refused[1]) if refused else 0.0, "defects": defects}


def _ended(process: subprocess.Popen, latest: float) -> tuple[int, int]:
    """Exit status, and the most memory that the process took [MB]."""
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss // 1024
        if time.monotonic() > latest:
            process.kill()
        time.sleep(0.1)
