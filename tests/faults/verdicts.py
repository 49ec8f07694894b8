"""What a trial of resources or surroundings says of a command."""

from pathlib import Path

from lab import Ended, Lab, Running, leftovers
from tiny_study import KINDS


def judged(case: str, kind: str, end: Ended, told: bool) -> dict:
    """A row; a defect if the command ended in disorder, or did not tell what it lacks."""
    defects = [end.defect] if end.defect else []
    if not told:
        defects.append(f"says nothing of what it lacks: status {end.status}: {end.said[-300:]}")
    return {"part": "resources", "case": case, "kind": kind, "said": end.said.strip()[-200:], "defects": defects}


def compared(lab: Lab, kind: str, folder: Path, row: dict) -> dict:
    """The row, also with what is not as undisturbed."""
    row["defects"] += [f"differs: {path}" for path in lab.differing(kind, folder)[:5]]
    row["defects"] += [f"left behind: {path}" for path in leftovers(folder)[:5]]
    return row


def continued(lab: Lab, kind: str, folder: Path, row: dict) -> dict:
    """The same command once everything is there."""
    end = Running(KINDS[kind].command, folder).ended()
    if end.status or end.defect:
        row["defects"].append(f"does not continue: status {end.status}: {end.said[-300:]}")
    return compared(lab, kind, folder, row)
