"""Commands that lack something: they say what in a sentence, and continue once it is there."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

from lab import Lab, Running
from tiny_study import KINDS, STUDY
from verdicts import continued, judged

_ROOM = {"simulate": 2_000_000, "preprocess": 2_000_000, "encode": 200_000, "train": 300_000, "report": 600_000}
_ROOM |= {"perfusion": 200_000, "pretrain": 2_000_000}
"""Bytes that a command finds on a disk that is then full."""
_WRITTEN = ("simulate", "preprocess", "train", "cbv", "ensemble", "permute", "stress", "report", "perfusion", "predict")
_WRITTEN += ("export", "pretrain")
_VANISHING = (
    ("train", f"{STUDY}/full/fold-0", "last.ckpt"),
    ("preprocess", "scans/train/scans", ""),
    ("perfusion", "scans/external/scans", ""),
    ("encode", "cohort/series", ""),
)
"""Command, folder that is moved away, and the file in it that is waited for."""
_TIMES = {"files of ten years from now": 10.0, "files of 1970": -60.0}
"""Years by which the clock was set back or forward since the files were written."""


def trials(lab: Lab, seconds: dict[str, float]) -> Iterator[dict]:
    """All of them; what was wrong about each, or why it was not tried.

    Args:
        lab: Where to work.
        seconds: How long each command takes undisturbed.
    """
    full = [("full disk", kind, room, "no space left") for kind, room in _ROOM.items()]
    for case, kind, room, says in full + [("read-only output", kind, None, "read-only") for kind in _WRITTEN]:
        yield _on_a_disk(lab, kind, case, room, says) if os.geteuid() == 0 else _not_tried(case, kind)
    for kind, folder, after in _VANISHING:
        yield _vanished(lab, kind, folder, after)
    for kind in ("simulate", "preprocess", "encode", "report", "pretrain"):
        for case, years in _TIMES.items():
            yield _clock(lab, kind, seconds[kind], case, years)


def _on_a_disk(lab: Lab, kind: str, case: str, room: int | None, says: str) -> dict:
    """On a disk of its own that is small or read-only, and then neither.

    Args:
        lab: Where to work.
        kind: Which command.
        case: What the disk lacks.
        room: Bytes that are free on it; None: it is read-only.
        says: Words by which the command tells so.
    """
    filled, disk = lab.place(kind), lab.work / "disk"
    disk.mkdir(exist_ok=True)
    used = sum(path.stat().st_size + 8192 for path in filled.rglob("*") if path.is_file())
    size = "2g" if room is None else used + room
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    try:
        folder = shutil.copytree(filled, disk / "study")
        if room is None:
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        first = Running(KINDS[kind].command, folder).ended()
        row = judged(case, kind, first, first.status == 1 and says in first.said.lower())
        subprocess.run(["mount", "-o", "remount,rw,size=2g", disk], check=True)
        return continued(lab, kind, folder, row)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
        shutil.rmtree(filled)


def _not_tried(case: str, kind: str) -> dict:
    return {"part": "not tried", "case": case, "kind": kind, "why": "only root mounts disks", "defects": []}


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
    row = judged("vanished folder", f"{kind}: {what}", first, first.status == 0 or first.said.strip() != "")
    shutil.rmtree(place / what, ignore_errors=True)
    (place / "hidden").rename(place / what)
    row = continued(lab, kind, place, row)
    shutil.rmtree(place)
    return row


def _clock(lab: Lab, kind: str, seconds: float, case: str, years: float) -> dict:
    """A command is killed halfway; all files, also its unfinished ones, are then of another time."""
    place = lab.place(kind)
    command = Running(KINDS[kind].command, place)
    command.wait(seconds / 2)
    command.send(signal.SIGKILL, whole_group=True)
    command.ended()
    then = max(0.0, time.time() + years * 365.25 * 86400)
    for path in place.rglob("*"):
        os.utime(path, (then, then))
    row = continued(lab, kind, place, {"part": "resources", "case": case, "kind": kind, "defects": []})
    shutil.rmtree(place)
    return row
