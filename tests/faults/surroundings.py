"""Commands as programs of their own: with odd terminals, homes and paths, and little memory."""

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import Ended, Lab, Running
from tiny_study import KINDS
from verdicts import compared, judged

_CASES: dict[str, dict] = {
    "no HOME": {"env": {"HOME": None}},
    "HOME that does not exist": {"env": {"HOME": "/nonexistent"}},
    "ASCII terminal": {"env": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}},
    "Latin-1 terminal": {"env": {"PYTHONIOENCODING": "latin-1"}},
    "standard output closed": {"redirected": ">&-"},
    "standard output and error closed": {"redirected": ">&- 2>&-"},
    "reader of the output gone": {"redirected": "| true"},
    "output on a full disk": {"redirected": "> /dev/full", "says": "no space left"},
}
_PATHS = {
    "path with signs": "a b,c=d [e] {f} 'g' \"h\" $i %j ;k é 𝒳 #l (m) *n ~o",
    "path that is no UTF-8": os.fsdecode(b"caf\xe9"),
    "path of 2,500 characters": "/".join(["x" * 249] * 10),
}
_PLACED = ("simulate", "preprocess", "train", "cbv", "ensemble", "stress", "report", "perfusion", "predict", "export")
_SET = {"clock set forward by a day": 86400, "clock set back by a day": -86400}
"""Seconds by which the clock is set while a command works."""
_LOADS = 3.0
"""Seconds for which a program loads libraries, about."""
_TIMED = ("simulate", "preprocess", "encode", "parallel", "ensemble", "permute", "stress", "report", "pretrain")


def trials(lab: Lab, seconds: dict[str, float]) -> Iterator[dict]:
    """All of them; what was wrong about each.

    Args:
        lab: Where to work.
        seconds: How long each command takes undisturbed.
    """
    for name, changes in _CASES.items():
        yield _surroundings(lab, "report", name, **changes)
    for kind in ("preprocess", "train", "perfusion"):
        for name in ("no HOME", "ASCII terminal", "standard output and error closed"):
            yield _surroundings(lab, kind, name, **_CASES[name])
    for name, path in _PATHS.items():
        for kind in _PLACED:
            yield _at(lab, kind, name, path)
    for kind in _TIMED:
        for name, ahead in _SET.items():
            yield _set_clock(lab, kind, seconds[kind], name, ahead)
    for kind in ("report", "train", "perfusion"):
        yield _little_memory(lab, kind)


def _surroundings(
    lab: Lab, kind: str, name: str, env: dict | None = None, redirected: str = "", says: str = ""
) -> dict:
    folder = lab.place(kind)
    end = _program(folder, kind, redirected, env)
    told = (says in end.said and end.status == 1) if says else end.status == 0
    row = judged(name, kind, end, told)
    row = row if says else compared(lab, kind, folder, row)
    shutil.rmtree(folder)
    return row


def _at(lab: Lab, kind: str, name: str, path: str) -> dict:
    """In a folder of such a name."""
    place = lab.place(kind)
    folder = place / path
    folder.parent.mkdir(parents=True, exist_ok=True)
    lab.place(kind).rename(folder)
    end = Running(KINDS[kind].command, folder).ended()
    row = compared(lab, kind, folder, judged(name, kind, end, end.status == 0))
    shutil.rmtree(place)
    return row


def _set_clock(lab: Lab, kind: str, seconds: float, name: str, ahead: int) -> dict:
    """The clock is set at a random moment of a command."""
    folder = lab.place(kind)
    (clock := folder / "clock").write_text("0")
    paths = os.pathsep.join([str(Path(__file__).parent / "clock"), os.environ["PYTHONPATH"]])
    at = lab.random.uniform(0, seconds + _LOADS)
    timer = threading.Timer(at, clock.write_text, [str(ahead)])
    timer.start()
    end = _program(folder, kind, env={"PYTHONPATH": paths, "CLOCK_AHEAD": str(clock)})
    timer.join()
    row = compared(lab, kind, folder, judged(name, kind, end, end.status == 0))
    shutil.rmtree(folder)
    return row


def _little_memory(lab: Lab, kind: str) -> dict:
    """Under limits of memory from hardly any to enough: it says so or works."""
    folder, row = lab.place(kind), {"part": "resources", "case": "memory limit", "kind": kind, "defects": []}
    for megabytes in (150, 300, 600, 1000, 1500, 2500):
        limit = megabytes << 20
        end = _program(folder, kind, before=lambda limit=limit: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if "Traceback" in end.said or (end.status and "memory" not in end.said):
            row["defects"].append(f"{megabytes} MB: status {end.status}: {end.said[-200:]}")
    shutil.rmtree(folder)
    return row


def _program(
    folder: Path, kind: str, redirected: str = "", env: dict | None = None, before: Callable[[], None] | None = None
) -> Ended:
    name, *arguments = KINDS[kind].command
    changed = os.environ | (env or {})
    line = f"set -o pipefail; '{sys.executable}' -m stroke_ctp.{name} {' '.join(arguments)} {redirected}"
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={key: value for key, value in changed.items() if value is not None},
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=before,
        timeout=600,
    )
    return Ended(done.returncode, done.stdout + done.stderr, time.monotonic() - began)
