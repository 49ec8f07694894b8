"""Encoding, against the bare backbone at its best, and prediction of one patient."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stroke_ctp.benchmarks.measuring import Timing, in_turns
from stroke_ctp.cohort.augmentation import Augmentation
from stroke_ctp.cohort.cohort_folder import CohortFolder, CohortTables
from stroke_ctp.cohort.frames import FramePipeline, frame_source, load_series
from stroke_ctp.cohort.inputs import Enhancement
from stroke_ctp.cohort.standardization import build_standardization
from stroke_ctp.cohort.standardization_settings import FixedSettings
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_cache import FeatureCache, encoding_precision
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.model.temporal_network import TemporalNetwork

BATCHES = {"cpu": (8, 16, 64), "cuda": (64, 128, 256)}
"""Frames that the bare backbone is given at a time, by device; the fastest counts."""
_FRAMES = SERIES_SHAPE[0] * SERIES_SHAPE[1]
_MEMBERS = 10


def default_pipeline() -> FramePipeline:
    """Input and standardization as they are without any setting."""
    return FramePipeline(Enhancement(), build_standardization(FixedSettings(), Enhancement()))


def noise_cohort(folder: Path, n_patients: int) -> Cohort:
    """A cohort whose series are noise: the cost of encoding does not depend on the content."""
    files = CohortFolder(folder)
    rows, digests = [], []
    for number in range(n_patients):
        rows.append({"patient": f"P{number}", "series": files.series_name(number)})
        noise = np.random.default_rng(number).normal(35, 5, SERIES_SHAPE)
        digests.append(files.write_series(files.series_name(number), noise))
    files.write_tables(CohortTables(rows), digests, {})
    return Cohort(folder)


def measure_encoding(repeats: int, n_patients: int, n_batches: int | None = None) -> list[Timing]:
    """A patient, from the series on disk to augmented features in the cache, against the backbone on frames in memory.

    And from the series to the mean probability of ten members.

    Args:
        repeats: Of every measurement.
        n_patients: Encoded at a time.
        n_batches: How many of the `BATCHES` are tried; None for all.
    """
    target = device_of("auto")
    batches = BATCHES[target.type][:n_batches]
    precision = encoding_precision(target, Enhancement.bfloat16)
    images = torch.randn(n_patients * _FRAMES, 3, *SERIES_SHAPE[2:], device=target).to(
        precision, memory_format=torch.channels_last
    )
    encoder = Encoder("none").to(target).eval()
    encoder.backbone.to(precision)
    pipeline = default_pipeline()
    members = [nn.Sequential(FeatureStandardization(), TemporalNetwork()).to(target).eval() for _ in range(_MEMBERS)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohort = noise_cohort(folder / "cohort", n_patients)
        augmented = frame_source(cohort, pipeline, Augmentation(), 0, 1, target)
        calls = iter(range(10**6))

        def encode() -> None:
            cache = FeatureCache(folder, {"call": next(calls)}, n_patients)
            cache.features([augmented], lambda: encoder, precision, target)

        @torch.inference_mode()
        def bare(batch: int) -> None:
            torch.cat([encoder.backbone(part).amax(dim=(-2, -1)) for part in images.split(batch)]).float().cpu()

        @torch.inference_mode()
        def predict() -> None:
            features = encoder(pipeline(load_series(cohort, [0]).to(target)).to(precision))
            torch.stack([torch.sigmoid(member(features)) for member in members]).mean(dim=0).cpu()

        tasks: list[Callable[[], object]] = [encode, predict, *(partial(bare, batch) for batch in batches)]
        # the first round warms up
        encoded, predicted, *bares = (column[1:] for column in in_turns(tasks, 1 + repeats))
    ours, best = ([one / n_patients for one in column] for column in (encoded, min(bares, key=min)))
    return [Timing("encode a patient", ours, "bare backbone", best), Timing("predict a patient", predicted)]
