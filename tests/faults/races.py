"""The same command two or three times at once: one works, the others wait, and the study is the undisturbed one."""

import shutil
import signal
import time

from lab import Lab, Running, leftovers
from tiny_study import KINDS

_KILLED = 0.3
"""Share of the races in which the first command is killed while the others wait."""


def race(lab: Lab, kind: str, seconds: float) -> dict:
    """Start a command several times within a second; what was wrong about that.

    Args:
        lab: Where to work.
        kind: Which command.
        seconds: How long it takes undisturbed.
    """
    folder, n = lab.place(kind), lab.random.choice([2, 2, 3])
    commands = []
    for _ in range(n):
        commands.append(Running(KINDS[kind].command, folder))
        time.sleep(lab.random.choice([0, 0, 0.05, 0.3, 1.0]))
    kills = int(lab.random.random() < _KILLED and not commands[0].wait(lab.random.uniform(0, seconds)))
    if kills:
        commands[0].send(signal.SIGKILL, whole_group=True)
    ends = [command.ended() for command in commands]
    row = {"part": "races", "kind": kind, "commands": n, "killed": kills}
    row["waited"] = sum("waiting for process" in end.said for end in ends)
    ends = ends[1:] if kills else ends
    defects = [f"status {end.status}: {end.said[-300:]}" for end in ends if end.status or end.defect]
    defects += [f"differs: {path}" for path in lab.differing(kind, folder)[:5]]
    defects += [f"left behind: {path}" for path in leftovers(folder)[:5]]
    if not defects:
        shutil.rmtree(folder)
    return row | {"defects": defects}
