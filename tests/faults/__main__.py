"""Disturb a tiny study in many ways: `python tests/faults [kills=N] [races=N] [mutants=N] [resources=0|1] … out=FILE`.

Every trial is compared byte by byte with an undisturbed study. The figures are written as JSON; the exit status is 1
if any trial found a defect.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import mutants
import orders
import resources
import surroundings
from kills import chain
from lab import Lab, Running, load_libraries
from races import race
from tiny_study import KINDS

SETTINGS = {"kills": "100", "races": "50", "mutants": "10000", "resources": "1", "orders": "1", "seed": "0"}
SETTINGS |= {"out": "outputs/faults.json"}
TRIED = ("train", "cbv", *(kind for kind in KINDS if kind not in ("train", "cbv", "external")))


def main() -> None:
    """Make the undisturbed study, then carry out all trials."""
    given = SETTINGS | dict(one.split("=", 1) for one in sys.argv[1:])
    if unknown := given.keys() - SETTINGS.keys():
        sys.exit(f"faults: there is no setting {unknown.pop()}; there are {', '.join(SETTINGS)}")
    out = Path(given["out"]).resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    os.environ["PYTHONPATH"] = sys.path[0] = str(Path(__file__).parents[2])  # this tree, whatever is installed
    work = Path(tempfile.mkdtemp(prefix="faults-"))  # no TemporaryDirectory: commands, as forks, would remove it
    try:
        n_defects = _all_trials(Lab(work, random.Random(int(given["seed"]))), given, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(f"faults: {n_defects} trials found a defect, see {out}" if n_defects else 0)


def _all_trials(lab: Lab, given: dict[str, str], out: Path) -> int:
    """Carry them out; the number of those that found a defect."""
    load_libraries()
    seconds, rows = _undisturbed(lab), []
    for row in _trials(lab, given, seconds):
        rows.append(row)
        print(*(f"{key}={value}" for key, value in row.items()), flush=True)
        out.write_text(json.dumps(_figures(rows, seconds), indent=1) + "\n")
    return len(_defects(rows))


def _undisturbed(lab: Lab) -> dict[str, float]:
    """Make the study that all trials are compared with; seconds that each command took."""
    lab.reference.mkdir()
    seconds = {}
    for kind, one in KINDS.items():
        if kind in ("train", "parallel"):  # as encode
            continue
        end = Running(one.command, lab.reference).ended()
        if end.status:
            sys.exit(f"faults: the undisturbed {kind} failed: {end.said}")
        seconds[kind] = round(end.seconds, 1)
        print(f"undisturbed: {kind}, {end.seconds:.1f} s", flush=True)
    for kind in ("train", "parallel"):
        print(f"undisturbed: {kind}", flush=True)
        seconds[kind] = round(Running(KINDS[kind].command, lab.place(kind)).ended().seconds, 1)
    return seconds


def _trials(lab: Lab, given: dict[str, str], seconds: dict[str, float]) -> Iterator[dict]:
    kills = races = 0
    killed, raced = cycle(TRIED), cycle(reversed(TRIED))
    while kills < int(given["kills"]) or races < int(given["races"]):
        if kills < int(given["kills"]):
            row = chain(lab, next(killed), seconds)
            kills += row["kills"]
            yield row
        if races < int(given["races"]):
            yield race(lab, kind := next(raced), seconds[kind])
            races += 1
    if given["resources"] == "1":
        yield from resources.trials(lab, seconds)
        yield from surroundings.trials(lab, seconds)
    if given["orders"] == "1":
        yield from orders.trials(lab)
    yield from mutants.trials(int(given["seed"]), int(given["mutants"]))


def _defects(rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["defects"]]


def _figures(rows: list[dict], seconds: dict[str, float]) -> dict:
    """What was tried and found."""
    trials = Counter(row["part"] for row in rows if row["part"] != "not tried")
    of_kinds = {part: Counter(row["kind"] for row in rows if row["part"] == part) for part in trials}
    for row in rows:
        if row["part"] in ("kills", "mutants"):
            of_kinds[row["part"]][row["kind"]] += row[row["part"]] - 1  # a trial has several
    return {
        "date": time.strftime("%Y-%m-%d"),
        "kills": sum(row.get("kills", 0) for row in rows),
        "kills_while_loading": sum(row.get("loading", 0) for row in rows),
        "races": trials["races"],
        "races_with_a_kill": sum(row.get("killed", 0) for row in rows),
        "mutants": sum(row.get("mutants", 0) for row in rows),
        "trials": trials,
        "of_kinds": of_kinds,
        "seconds_undisturbed": seconds,
        "not_tried": [row for row in rows if row["part"] == "not tried"],
        "n_defects": len(_defects(rows)),
        "defects": _defects(rows),
    }


if __name__ == "__main__":
    main()
