"""What a user waits for: a study of the perfusion network, one patient's score, a prediction from file to JSON."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stroke_ctp.benchmarks.measuring import Timing, in_turns
from stroke_ctp.benchmarks.scans import LEVEL_SLICES, series_of
from stroke_ctp.cohort.cohort_folder import CohortFolder, CohortTables
from stroke_ctp.common.geometry import LEVELS

_FILES = 4
"""Series that the patients of a cohort share: what they cost does not depend on whose they are."""
_NOISE_HU = 3.0


def head_cohort(folder: Path, scan: Path, n_patients: int) -> Path:
    """A cohort of one simulated head with other noise in every series, and core volumes that mean nothing."""
    files, random = CohortFolder(folder), np.random.default_rng(0)
    series = series_of(scan)
    names = [files.series_name(number) for number in range(_FILES)]
    noisy = (series + random.normal(0, _NOISE_HU, series.shape) for _ in names)
    written = {name: files.write_series(name, hu) for name, hu in zip(names, noisy, strict=True)}
    used = [names[number % _FILES] for number in range(n_patients)]
    rows = [
        {"patient": f"P{number}", "series": name, "core_ml": float(volume)}
        for number, (name, volume) in enumerate(zip(used, random.permutation(n_patients), strict=True))
    ]
    quality = [{"patient": row["patient"]} for row in rows]
    files.write_tables(CohortTables(rows, quality=quality), [written[name] for name in used], {})
    return folder


def measure_study(repeats: int, folder: Path, scan: Path, n_patients: int, n_folds: int) -> list[Timing]:
    """All folds of the perfusion network, from a preprocessed cohort to its runs.

    Args:
        repeats: Of every measurement.
        folder: Receives cohort and studies; `study_name(0)` is what other parts use.
        scan: That the patients' series are made of.
        n_patients: Of the cohort.
        n_folds: Of the study.
    """
    cohort = head_cohort(folder / "cohort", scan, n_patients)
    words = [f"cohort={cohort}", f"outputs={folder}", "model=perfusion", *_folds(n_folds)]
    return [_timing("perfusion study", [_run("train", *words, f"name={study_name(k)}") for k in range(repeats)])]


def measure_article_members(folder: Path, scan: Path, n_patients: int, n_folds: int) -> list[Timing]:
    """Fit members of the article's network, hardly trained and with random encoder weights, to predict with."""
    cohort = head_cohort(folder / "small", scan, n_patients)
    words = [f"cohort={cohort}", f"outputs={folder}", "name=article", *_folds(n_folds)]
    _run("train", *words, "encoder.weights=none", "trainer.max_epochs=1", "bank.draws=1")
    return []


def measure_prediction(repeats: int, folder: Path, scan: Path, model: str, study: str) -> list[Timing]:
    """From the file of a scan to the JSON with its probability, and to the patient's page, each in a fresh process."""
    of_study, bundle = [f"outputs={folder}", f"name={study}", f"model={model}"], folder / f"{model}.safetensors"
    _run("export", *of_study, f"out={bundle}")
    scanned = [f"scan={scan}", f"levels={list(LEVEL_SLICES)}".replace(" ", "")]
    rows = {
        "predict": [*of_study, "page=false"],
        "bundle": [f"bundle={bundle}", "page=false"],
        "page": [*of_study, "page=true"],
    }
    told = "article" if model == "full" else model
    timings = []
    for row, words in rows.items():
        outs = [folder / f"{row}-{model}-{k}" for k in range(repeats)]
        taken = [_run("predict", *scanned, *words, f"out={out}") for out in outs]
        timings.append(_timing(f"{row}, {told}", taken))
    return timings


def measure_manifests(folder: Path, scan: Path, study: str, numbers: Sequence[int]) -> list[Timing]:
    """Predictions for so many patients, one process for each number: whether its memory grows with the patients.

    Args:
        folder: Of the study; receives manifests and predictions.
        scan: That every patient has.
        study: With a perfusion network.
        numbers: Of patients in each manifest.
    """
    timings = []
    for n in numbers:
        manifest = folder / f"manifest-{n}.csv"
        rows = "".join(f"{scan},P{k},{','.join(map(str, LEVEL_SLICES))}\n" for k in range(n))
        manifest.write_text(f"scan,patient,{','.join(LEVELS)}\n{rows}")
        words = [f"manifest={manifest}", f"outputs={folder}", f"name={study}", "model=perfusion", "jobs=1"]
        timings.append(_timing(f"predict {n} patients", [_run("predict", *words, f"out={folder / f'predicted-{n}'}")]))
    return timings


def measure_scoring(repeats: int, folder: Path, scan: Path) -> list[Timing]:
    """One patient with all members of the perfusion network, against VGG19 on its frames, each on one core."""
    import torch

    from stroke_ctp.benchmarks.encoding import default_pipeline
    from stroke_ctp.cohort.new_patients import NewPatients
    from stroke_ctp.model.encoder import Encoder
    from stroke_ctp.study.predictor import Predictor
    from stroke_ctp.study.study_folder import StudyFolder

    patient = NewPatients.of(series_of(scan))
    predictor = Predictor.load(StudyFolder(folder, study_name(0)), "perfusion")
    encoder = Encoder("none").eval()
    frames = default_pipeline()(torch.from_numpy(patient.hu).float())
    torch.set_num_threads(1)
    with threadpool_limits(1):
        ours, theirs = (
            column[1:]  # the first round warms up
            for column in in_turns([partial(predictor.score, patient), partial(encoder, frames)], 1 + repeats)
        )
    return [Timing("score, perfusion", ours, "VGG19", theirs)]


def study_name(number: int) -> str:
    """Name of a repetition's study."""
    return f"perfusion-{number}"


def _folds(n_folds: int) -> tuple[str, str]:
    return f"fold=0..{n_folds - 1}", f"folds.n={n_folds}"


def _timing(name: str, taken: list[tuple[float, int]]) -> Timing:
    seconds, peaks = zip(*taken, strict=True)
    return Timing(name, list(seconds), peak_bytes=max(peaks))


def _run(command: str, *words: str) -> tuple[float, int]:
    """Run a command in a process of its own; its wall time [s] and the peak of its memory [bytes].

    Raises:
        RuntimeError: The command failed.
    """
    began = time.perf_counter()
    line = [sys.executable, "-m", f"stroke_ctp.{command}", *words]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(line[2:])} failed: {said.strip().splitlines()[-1] if said.strip() else status}")
    return time.perf_counter() - began, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
