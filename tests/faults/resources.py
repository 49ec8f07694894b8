"""Commands that lack something: they say what in a sentence, and continue once it is there."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import KINDS, STUDY, Ended, Lab, Running

_ROOM = {"simulate": 2_000_000, "preprocess": 2_000_000, "encode": 200_000, "train": 300_000, "report": 600_000}
"""Bytes that a command finds on a disk that is then full."""


def trials(lab: Lab) -> Iterator[dict]:
    """All of them; what was wrong about each, or why it was not tried."""
    for kind in _ROOM:
        yield _full_disk(lab, kind) if os.geteuid() == 0 else _not_tried("full disk", kind, "only root mounts disks")
    for kind, folder, after in (
        ("train", f"{STUDY}/full/fold-0", "last.ckpt"),
        ("preprocess", "scans/train/scans", ""),
    ):
        yield _vanished(lab, kind, folder, after)
    for name, changes in _SURROUNDINGS.items():
        yield _surroundings(lab, name, **changes)
    yield _little_memory(lab)


def _full_disk(lab: Lab, kind: str) -> dict:
    """On a small disk of its own, which then gets larger."""
    filled, disk = lab.place(kind), lab.work / "disk"
    disk.mkdir(exist_ok=True)
    files = [path for path in filled.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size + 8192 for path in files) + _ROOM[kind]
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    try:
        folder = shutil.copytree(filled, disk / "study")
        first = Running(KINDS[kind].command, folder).ended()
        row = _judged("full disk", kind, first, "no space left" in first.said)
        subprocess.run(["mount", "-o", "remount,size=2g", disk], check=True)
        return _continued(lab, kind, folder, row)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
        shutil.rmtree(filled)


def _not_tried(case: str, kind: str, why: str) -> dict:
    return {"part": "not tried", "case": case, "kind": kind, "why": why, "defects": []}


def _vanished(lab: Lab, kind: str, what: str, after: str) -> dict:
    """A folder is moved away while a command works with it, then put back."""
    place = lab.place(kind)
    if kind == "train":
        shutil.rmtree(place / STUDY, ignore_errors=True)
    command = Running(KINDS[kind].command, place)
    while not (place / what / after).exists() and not command.wait(0.0):
        time.sleep(0.005)
    command.wait(0.3)
    (place / what).rename(place / "hidden")
    first = command.ended()
    row = _judged("vanished folder", f"{kind}: {what}", first, first.status == 0 or first.said.strip() != "")
    shutil.rmtree(place / what, ignore_errors=True)
    (place / "hidden").rename(place / what)
    row = _continued(lab, kind, place, row)
    shutil.rmtree(place)
    return row


_SURROUNDINGS: dict[str, dict] = {
    "no HOME": {"env": {"HOME": None}},
    "HOME that does not exist": {"env": {"HOME": "/nonexistent"}},
    "ASCII terminal": {"env": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}},
    "Latin-1 terminal": {"env": {"PYTHONIOENCODING": "latin-1"}},
    "standard output closed": {"redirected": ">&-"},
    "standard output and error closed": {"redirected": ">&- 2>&-"},
    "reader of the output gone": {"redirected": "| true"},
    "output on a full disk": {"redirected": "> /dev/full", "says": "no space left"},
}


def _surroundings(lab: Lab, name: str, env: dict | None = None, redirected: str = "", says: str = "") -> dict:
    """The report, as a program of its own."""
    folder = lab.place("report")
    end = _program(folder, " ".join(KINDS["report"].command), redirected, env)
    told = (says in end.said and end.status == 1) if says else end.status == 0
    row = _judged("surroundings", name, end, told)
    if not says:
        row["defects"] += [f"differs: {path}" for path in lab.differing("report", folder)[:5]]
    shutil.rmtree(folder)
    return row


def _little_memory(lab: Lab) -> dict:
    """The report under limits of memory from hardly any to enough: it says so or works."""
    folder, row = lab.place("report"), {"part": "resources", "case": "memory limit", "kind": "report", "defects": []}
    for megabytes in (150, 300, 600, 1000, 1500, 2500):
        limit = megabytes << 20
        end = _program(
            folder,
            " ".join(KINDS["report"].command),
            before=lambda limit=limit: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        if "Traceback" in end.said or (end.status and "memory" not in end.said):
            row["defects"].append(f"{megabytes} MB: status {end.status}: {end.said[-200:]}")
    shutil.rmtree(folder)
    return row


def _program(
    folder: Path, command: str, redirected: str = "", env: dict | None = None, before: Callable[[], None] | None = None
) -> Ended:
    """A command as a program of its own."""
    name, _, arguments = command.partition(" ")
    changed = os.environ | (env or {})
    line = f"set -o pipefail; '{sys.executable}' -m stroke_ctp.{name} {arguments} {redirected}"
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


def _judged(case: str, kind: str, end: Ended, told: bool) -> dict:
    defects = [end.defect] if end.defect else []
    if not told:
        defects.append(f"says nothing of what it lacks: status {end.status}: {end.said[-300:]}")
    return {"part": "resources", "case": case, "kind": kind, "said": end.said.strip()[-200:], "defects": defects}


def _continued(lab: Lab, kind: str, folder: Path, row: dict) -> dict:
    """The same command once everything is there."""
    end = Running(KINDS[kind].command, folder).ended()
    if end.status or end.defect:
        row["defects"].append(f"does not continue: status {end.status}: {end.said[-300:]}")
    row["defects"] += [f"differs: {path}" for path in lab.differing(kind, folder)[:5]]
    return row
