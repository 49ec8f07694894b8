"""The same command two or three times at once: one works, the others wait, and the study is the undisturbed one."""

import shutil
import time

from lab import KINDS, Lab, Running, leftovers


def race(lab: Lab, kind: str) -> dict:
    """Start a command several times within a second; what was wrong about that."""
    folder, n = lab.place(kind), lab.random.choice([2, 2, 3])
    commands = []
    for _ in range(n):
        commands.append(Running(KINDS[kind].command, folder))
        time.sleep(lab.random.choice([0, 0, 0.05, 0.3, 1.0]))
    ends = [command.ended() for command in commands]
    row = {"part": "races", "kind": kind, "commands": n, "waited": sum("waiting for process" in e.said for e in ends)}
    defects = [f"status {end.status}: {end.said[-300:]}" for end in ends if end.status or end.defect]
    defects += [f"differs: {path}" for path in lab.differing(kind, folder)[:5]]
    defects += [f"left behind: {path}" for path in leftovers(folder)[:5]]
    if not defects:
        shutil.rmtree(folder)
    return row | {"defects": defects}
