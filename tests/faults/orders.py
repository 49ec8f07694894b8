"""The same study under other circumstances: cores, processes, hash seed, order of patients and folds, repetition."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lab import Lab, Running
from tiny_study import KINDS, TRAIN


def trials(lab: Lab) -> Iterator[dict]:
    """All of them; what differs from the undisturbed study."""
    for kind in ("simulate", "preprocess"):
        yield _compared(lab, kind, "two processes", (_with(kind, "jobs=2"),))
    yield _compared(lab, "train", "folds backwards", tuple(_with("train", f"fold={fold}") for fold in (2, 1, 0)))
    yield _compared(lab, "train", "repeated", (KINDS["train"].command,) * 2)
    for kind in ("preprocess", "encode", "report"):
        yield _compared_program(lab, kind, {"PYTHONHASHSEED": "4242", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"})
    yield _shuffled(lab)


def _with(kind: str, setting: str) -> tuple[str, ...]:
    key = setting.partition("=")[0]
    return (*(one for one in KINDS[kind].command if one.partition("=")[0] != key), setting)


def _compared(lab: Lab, kind: str, case: str, commands: tuple[tuple[str, ...], ...]) -> dict:
    folder = lab.place(kind)
    ends = [Running(command, folder).ended() for command in commands]
    return _judged(lab, kind, case, folder, [end.said[-300:] for end in ends if end.status])


def _compared_program(lab: Lab, kind: str, env: dict[str, str]) -> dict:
    folder = lab.place(kind)
    name, *arguments = KINDS[kind].command
    command = [sys.executable, "-m", f"stroke_ctp.{name}", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True)
    failed = [done.stderr[-300:]] if done.returncode else []
    return _judged(lab, kind, "two threads, another hash seed", folder, failed)


def _judged(lab: Lab, kind: str, case: str, folder: Path, failed: list[str]) -> dict:
    defects = failed + [f"differs: {path}" for path in lab.differing(kind, folder)[:5]]
    if not defects:
        shutil.rmtree(folder)
    return {"part": "orders", "case": case, "kind": kind, "defects": defects}


def _shuffled(lab: Lab) -> dict:
    """The manifest's rows backwards: patients keep their series, core and, in a cohort of their own, their row."""
    folder = lab.place("preprocess")
    manifest = folder / "scans/train/manifest.csv"
    header, *rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join([header, *reversed(rows)]) + "\n")
    ends = [Running(KINDS["preprocess"].command, folder).ended(), Running(("train", *TRAIN, "name=s"), folder).ended()]
    defects = [end.said[-300:] for end in ends if end.status]
    ours, theirs = (_by_patient(place) for place in (folder, lab.reference))
    defects += [f"differs: {patient}" for patient in theirs if ours.get(patient) != theirs[patient]]
    aucs = [_probabilities(place) for place in (folder, lab.reference)]
    defects += [] if aucs[0] == aucs[1] else [f"predictions differ: {aucs}"]
    return {"part": "orders", "case": "manifest backwards", "kind": "preprocess, train", "defects": defects}


def _by_patient(place: Path) -> dict[str, tuple]:
    with (place / "cohort/cohort.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {row["patient"]: (row["core_ml"], (place / "cohort/series" / row["series"]).read_bytes()) for row in rows}


def _probabilities(place: Path) -> list[dict]:
    """Patients of each fold and their AUC."""
    runs = [json.loads(path.read_text()) for path in sorted(place.glob("outputs/s/full/fold-*/metrics.json"))]
    return [{"test": sorted(run["patients"]["test"]), "auc": run["auc"]} for run in runs]
