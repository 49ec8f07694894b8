"""Commands ended at random moments, then run to their end: nothing may differ from an undisturbed study."""

import shutil
import signal
from pathlib import Path

from lab import Lab, Running, leftovers
from tiny_study import KINDS

WAYS = {
    "kill -9 of all processes": (signal.SIGKILL, True),
    "kill -9 of the command": (signal.SIGKILL, False),
    "SIGTERM": (signal.SIGTERM, False),
    "SIGTERM to all processes": (signal.SIGTERM, True),
    "Ctrl-C": (signal.SIGINT, True),
}
_WEIGHTS = (5, 2, 1, 1, 2)
_LOADING = 0.2
"""Share of the kills that hit a program in its first 1.5 s, while libraries load."""


def chain(lab: Lab, kind: str, seconds: dict[str, float], at_most: int = 4) -> dict:
    """End a command one to four times, then let it end; what was wrong about that.

    Args:
        lab: Where to work.
        kind: Which command.
        seconds: How long each takes undisturbed; corrected where one is faster.
        at_most: Number of times it is ended.
    """
    folder = lab.place(kind)
    row = {"part": "kills", "kind": kind, "kills": 0, "loading": 0, "how": [], "defects": []}
    for _ in range(lab.random.randint(1, at_most)):
        _end_once(lab, kind, folder, seconds, row)
    end = Running(KINDS[kind].command, folder).ended()
    if end.status or end.defect:
        row["defects"].append(f"the same command again: status {end.status}: {end.said[-300:]}")
    row["defects"] += [f"differs: {path}" for path in lab.differing(kind, folder)[:5]]
    row["defects"] += [f"left behind: {path}" for path in leftovers(folder)[:5]]
    if not row["defects"]:
        shutil.rmtree(folder)
    return row


def _end_once(lab: Lab, kind: str, folder: Path, seconds: dict[str, float], row: dict) -> None:
    (how,) = lab.random.choices([*WAYS], _WEIGHTS)
    loads = lab.random.random() < _LOADING
    at = lab.random.uniform(0.02, 1.5 if loads else seconds[kind])
    command = Running(KINDS[kind].command, folder, loads)
    if command.wait(at):
        end = command.ended()
        if not row["how"]:  # all of the work, not what was left of it
            seconds[kind] = min(seconds[kind], end.seconds)
        row["how"].append("had ended")
        return
    number, whole_group = WAYS[how]
    command.send(number, whole_group)
    row["kills"] += 1
    row["loading"] += loads
    row["how"].append(f"{how} after {at:.1f} s" + (", loading" if loads else ""))
    end = command.ended(at_most=30)
    expected = {0, -number if loads or number == signal.SIGKILL else 128 + number, 128 + number}
    expected_to_tell = not loads or "stroke_ctp/" in end.said  # otherwise Python had not come to the package
    if end.status not in expected or (expected_to_tell and "Traceback" in end.said):  # 0: it had just ended
        row["defects"].append(f"{how}: status {end.status}: {end.said[-300:]}")
    if n := command.outlived_by():
        row["defects"].append(f"{how}: {n} processes outlive the command")
