"""`python -m stroke_ctp.estimate`: how long a study will take on this machine, from a short trial of each stage."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger
from omegaconf import DictConfig

from stroke_ctp.cli import run
from stroke_ctp.cohort.data import CTPDataModule
from stroke_ctp.cohort.folds import Split
from stroke_ctp.cohort.frames import FramePipeline
from stroke_ctp.cohort.inputs import Enhancement
from stroke_ctp.cohort.standardization import FixedStandardization
from stroke_ctp.model.bank import CHUNK, encoding_precision
from stroke_ctp.model.callbacks import checkpoints, quiet_lightning, torch_threads
from stroke_ctp.model.encoder import N_FEATURES, Encoder
from stroke_ctp.model.module import CoreClassifier
from stroke_ctp.model.network import TemporalNetwork
from stroke_ctp.phantom.cohort import external_cohort, training_cohort
from stroke_ctp.scan.manifest import read_manifest
from stroke_ctp.scan.standard_series import standard_series
from stroke_ctp.simulate import scan_patient, write_manifest

_TRIAL_PATIENTS = 4
_TRIAL_EPOCHS = 3


def estimate(config: DictConfig) -> None:
    """Print what each stage of a study will take, if no training ends early."""
    print("estimate: trying each stage for some seconds", flush=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    n_scanned = len(training_cohort(config.n_train, 0)) + len(external_cohort(config.n_external, 0))
    simulate_s, preprocess_s = seconds_per_scan()
    n_encoded = config.n_train * config.draws + config.n_external
    n_networks = config.folds * config.ablations
    stages = {
        f"simulate {n_scanned} patients": n_scanned * simulate_s,
        f"preprocess {n_scanned} patients": n_scanned * preprocess_s,
        f"encode {n_encoded} patients and draws": n_encoded * seconds_per_encoding(device),
        f"train {n_networks} networks, ≤ {config.max_epochs} epochs": n_networks
        * config.max_epochs
        * seconds_per_epoch(config.n_train, config.folds),
    }
    for stage, seconds in stages.items():
        print(f"  {stage:42s} {seconds / 60:6.1f} min")
    print(f"  {'altogether, about':42s} {sum(stages.values()) / 60:6.1f} min on {device}, {joblib.cpu_count()} cores")


def seconds_per_scan() -> tuple[float, float]:
    """Time to simulate and to preprocess one patient, with all cores at work [s]."""
    recruits = [recruit for recruit in training_cohort(20, 0) if recruit.fault is None][:_TRIAL_PATIENTS]
    with tempfile.TemporaryDirectory() as folder:
        rows: list[dict[str, object]] = []
        simulate = _seconds(lambda: rows.extend(row for r in recruits for row in scan_patient(r, Path(folder))))
        write_manifest(Path(folder) / "manifest.csv", rows)
        patients = read_manifest(Path(folder) / "manifest.csv")
        preprocess = _seconds(lambda: [standard_series(patient) for patient in patients])
    cores = joblib.cpu_count()
    return simulate / len(recruits) / cores, preprocess / len(recruits) / cores


@torch.inference_mode()
def seconds_per_encoding(device: torch.device) -> float:
    """Time to encode one patient once, from the series to the features [s]."""
    encoder = Encoder("none").to(device).eval()
    precision = encoding_precision(device, Enhancement.bfloat16)
    encoder.trunk.to(precision)
    pipeline = FramePipeline(Enhancement(), FixedStandardization(0, 6))
    series = torch.randn(CHUNK, 2, 32, 128, 128, device=device)

    def encode() -> None:
        encoder(pipeline(series).to(precision)).cpu()

    encode()
    return _seconds(encode) / CHUNK


def seconds_per_epoch(n_patients: int, n_folds: int) -> float:
    """Time of one epoch of training from the bank [s]."""
    quiet_lightning()
    bank = np.random.default_rng(0).standard_normal((n_patients, 2, 32, N_FEATURES), dtype=np.float32)
    labels = np.arange(n_patients) % 2
    pipeline = FramePipeline(Enhancement(), FixedStandardization(0, 6))
    rows, n_part = np.arange(n_patients), max(2, n_patients // n_folds)
    parts = Split(train=rows[2 * n_part :], validation=rows[:n_part], test=rows[n_part : 2 * n_part])
    data = CTPDataModule(None, labels, parts, pipeline, None, [bank])
    module = CoreClassifier(TemporalNetwork(), None, pipeline.standardization)
    with tempfile.TemporaryDirectory() as folder, torch_threads(1):  # as training from the bank does
        trainer = L.Trainer(
            devices=1,
            max_epochs=1 + _TRIAL_EPOCHS,
            logger=CSVLogger(folder),
            callbacks=[*checkpoints(Path(folder)), stopwatch := _Stopwatch()],
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
        trainer.fit(module, data)
    return (stopwatch.ends[-1] - stopwatch.ends[0]) / _TRIAL_EPOCHS


class _Stopwatch(Callback):
    """When each epoch of a training ended; the first has much to set up."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.ends.append(time.perf_counter())


def _seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


if __name__ == "__main__":
    run(estimate, "estimate")
