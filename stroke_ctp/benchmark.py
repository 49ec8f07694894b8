"""`python -m stroke_ctp.benchmark`: what each stage costs on this machine, as ratios taken in one run."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import joblib
from tqdm import tqdm

from stroke_ctp.benchmarks.cost import Cost
from stroke_ctp.benchmarks.encoding import measure_encoding
from stroke_ctp.benchmarks.measuring import Timing, in_own_process, table
from stroke_ctp.benchmarks.scans import measure_maps, measure_preprocessing, write_scans
from stroke_ctp.benchmarks.training import measure_training
from stroke_ctp.benchmarks.user_commands import (
    measure_article_members,
    measure_manifests,
    measure_prediction,
    measure_scoring,
    measure_study,
    study_name,
)
from stroke_ctp.common.devices import side_by_side
from stroke_ctp.common.files import out_folder, write_json
from stroke_ctp.common.provenance import machine
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.benchmark import BenchmarkSettings
from stroke_ctp.config.schemas.estimate import EstimateSettings
from stroke_ctp.model.feature_cache import CHUNK
from stroke_ctp.reporting.figures.cost import cost_figure
from stroke_ctp.reporting.figures.style import save

_STUDY = EstimateSettings()
"""The study that is extrapolated."""
_SIZES: dict[bool, dict[str, Any]] = {
    False: {
        "matrices": (512, 256),
        "frames": (40, 45),
        "patients": _STUDY.n_train,
        "epochs": 20,
        "folds": 10,
        "manifests": (10, 100),
    },
    True: {"matrices": (160, 160), "frames": (41, 41), "patients": 30, "epochs": 1, "folds": 3, "manifests": (1, 2)},
}
"""Of what is measured, in full and in short."""
_SMALL_COHORT = 20
"""Patients of the cohort on which members of the article's network are fitted, only to predict with."""
_PLOTTED = (50, 100, 217, 500, 1000, 2000, 5000)


def benchmark(settings: BenchmarkSettings) -> None:
    """Measure, print the table, write it with the machine and all repetitions as JSON, and draw the cost."""
    out = out_folder(settings.out)
    repeats = 1 if settings.short else settings.repeats
    sizes = _SIZES[settings.short]
    timings = _measured(repeats, sizes, settings.short)
    cost = Cost(
        preprocess_s=median(timings["preprocess, one core"].seconds) / joblib.cpu_count(),
        encode_s=median(timings["encode a patient"].seconds),
        epoch_s=median(timings["epoch of training"].seconds) / sizes["patients"],
        draws=_STUDY.draws,
        folds=_STUDY.folds,
        ablations=_STUDY.ablations,
        epochs=_STUDY.max_epochs,
        side_by_side=side_by_side("auto"),
    )
    shown = [*timings.values(), *cost.timings(sizes["patients"])]
    where = machine()
    print(table(shown))
    print(f"\n{where.device}; PyTorch {where.versions['torch']}; {repeats} repetition(s), median ± farthest")
    n_trainings = _STUDY.folds * _STUDY.ablations
    print(f"studies of {n_trainings} × {_STUDY.max_epochs} epochs are extrapolated from the steps that were measured")
    content = {
        "machine": asdict(where),
        "repeats": repeats,
        "sizes": sizes,
        "timings": [asdict(timing) for timing in shown],
    }
    write_json(out / "benchmark.json", content | {"cost": asdict(cost)})
    save(cost_figure(_PLOTTED, [cost.stages(n) for n in _PLOTTED], cost.rivals(_PLOTTED)), out / "cost")
    print(out / "benchmark.json")


def _measured(repeats: int, sizes: dict[str, Any], short: bool) -> dict[str, Timing]:
    """Every part, in a process of its own."""
    timings: dict[str, Timing] = {}
    with tempfile.TemporaryDirectory() as folder:
        scans = [Path(folder) / "preprocess.nii.gz", Path(folder) / "maps.nii.gz"]
        simulated = list(zip(scans, sizes["matrices"], sizes["frames"], strict=True))
        parts: dict[str, tuple[Callable[..., list[Timing]], tuple[Any, ...]]] = {
            "simulating": (write_scans, (simulated,)),
            "preprocessing": (measure_preprocessing, (repeats, scans[0])),
            "perfusion maps": (measure_maps, (repeats, scans[1])),
            "encoding": (measure_encoding, (repeats, *((1, 1) if short else (CHUNK,)))),
            "perfusion study": (measure_study, (repeats, Path(folder), scans[0], sizes["patients"], sizes["folds"])),
            "scoring": (measure_scoring, (repeats, Path(folder), scans[0])),
            "predicting": (measure_prediction, (repeats, Path(folder), scans[1], "perfusion", study_name(0))),
            "manifests": (measure_manifests, (Path(folder), scans[1], study_name(0), sizes["manifests"])),
            "training": (measure_training, (repeats, sizes["patients"], _STUDY.draws, _STUDY.folds, sizes["epochs"])),
        }
        if not short:  # minutes on two cores
            parts |= {
                "article's members": (measure_article_members, (Path(folder), scans[0], _SMALL_COHORT, sizes["folds"])),
                "predicting by VGG19": (measure_prediction, (repeats, Path(folder), scans[1], "full", "article")),
            }
        with tqdm(parts.items(), ncols=79, bar_format="{desc} |{bar}| {n_fmt}/{total_fmt} [{elapsed}]") as progress:
            for name, (measure, arguments) in progress:
                progress.set_description(f"benchmark: {name}")
                timings |= {timing.name: timing for timing in in_own_process(measure, *arguments)}
    return timings


if __name__ == "__main__":
    run(benchmark, BenchmarkSettings, "benchmark")
