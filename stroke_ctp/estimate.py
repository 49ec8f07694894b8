"""`python -m stroke_ctp.estimate`: how long a study will take on this machine, from a short trial of each stage."""

import tempfile
from pathlib import Path

import joblib
import torch

from stroke_ctp.benchmarks.encoding import default_pipeline
from stroke_ctp.benchmarks.measuring import seconds
from stroke_ctp.benchmarks.training import fold_of, noise_bank, seconds_per_epoch
from stroke_ctp.cohort.inputs import Enhancement
from stroke_ctp.cohort.manifest import read_manifest
from stroke_ctp.cohort.standard_series import standard_series
from stroke_ctp.common.devices import device_of
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.estimate import EstimateSettings
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_cache import encoding_precision
from stroke_ctp.phantom.recruitment import external_cohort, training_cohort
from stroke_ctp.phantom.simulated_cohort import Row, SimulatedCohort

_TRIAL_PATIENTS = 4
_TRIAL_EPOCHS = 3
_TRIAL_SERIES = 2


def estimate(settings: EstimateSettings) -> None:
    """Print what each stage of a study will take, if no training ends early."""
    print("estimate: trying each stage for some seconds", flush=True)
    n_scanned = len(training_cohort(settings.n_train, 0)) + len(external_cohort(settings.n_external, 0))
    simulate_s, preprocess_s = seconds_per_scan()
    n_encoded = settings.n_train * settings.draws + settings.n_external
    n_networks = settings.folds * settings.ablations
    stages = {
        f"simulate {n_scanned} patients": n_scanned * simulate_s,
        f"preprocess {n_scanned} patients": n_scanned * preprocess_s,
        f"encode {n_encoded} patients and draws": n_encoded * seconds_per_encoding(),
        f"train {n_networks} networks, ≤ {settings.max_epochs} epochs": n_networks
        * settings.max_epochs
        * seconds_per_epoch(noise_bank(settings.n_train, 1), *fold_of(settings.n_train, settings.folds), _TRIAL_EPOCHS),
    }
    for stage, duration in stages.items():
        print(f"  {stage:42s} {duration / 60:6.1f} min")
    machine = f"{device_of('auto')}, {joblib.cpu_count()} cores"
    print(f"  {'altogether, about':42s} {sum(stages.values()) / 60:6.1f} min on {machine}")


def seconds_per_scan() -> tuple[float, float]:
    """Time to simulate and to preprocess one patient, with all cores at work [s]."""
    recruits = [recruit for recruit in training_cohort(20, 0) if recruit.fault is None][:_TRIAL_PATIENTS]
    with tempfile.TemporaryDirectory() as folder:
        cohort = SimulatedCohort(Path(folder))
        rows: list[Row] = []
        simulate = seconds(lambda: rows.extend(row for r in recruits for row in cohort.write_patient(r)))
        cohort.write_manifest(rows)
        patients = read_manifest(cohort.manifest)
        preprocess = seconds(lambda: [standard_series(patient) for patient in patients])
    cores = joblib.cpu_count()
    return simulate / len(recruits) / cores, preprocess / len(recruits) / cores


@torch.inference_mode()
def seconds_per_encoding() -> float:
    """Time to encode one patient once, from the series to the features [s]."""
    target, pipeline = device_of("auto"), default_pipeline()
    encoder = Encoder("none").to(target).eval()
    precision = encoding_precision(target, Enhancement.bfloat16)
    encoder.backbone.to(precision)
    series = torch.randn(_TRIAL_SERIES, *SERIES_SHAPE, device=target)

    def encode() -> None:
        encoder(pipeline(series).to(precision)).cpu()

    encoder(pipeline(series[:1]).to(precision))  # warms up
    return seconds(encode) / _TRIAL_SERIES


if __name__ == "__main__":
    run(estimate, EstimateSettings, "estimate")
