"""What the CPU's tests show, on a GPU; skipped where there is none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands import settings_of
from torch import nn

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.folds import split
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import write_json
from stroke_ctp.model import training as networks
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.model.weights import pretrained_trunk

pytestmark = pytest.mark.gpu

N = 36
DETERMINISTIC = ("network.dropout=0.0", "network.feature_dropout=0.0")
"""Dropout draws other numbers on a GPU."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By which features answer to their frames, unlike torch's initial ones."""
    trunk, _ = pretrained_trunk("none")
    generator = torch.Generator().manual_seed(0)
    for module in trunk:
        if isinstance(module, nn.Conv2d):
            module.weight.data.normal_(0, (2 / (9 * module.in_channels)) ** 0.5, generator=generator)
    path = tmp_path_factory.mktemp("weights") / "trunk.pth"
    torch.save(trunk.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Patients who share two series of noise: a third of them are a batch of twelve."""
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "series").mkdir()
    random = np.random.default_rng(0)
    for number in range(2):
        np.save(folder / "series" / f"{number}.npy", random.normal(35, 5, (2, 32, 128, 128)).astype(np.float16))
    table = {
        "patient": [f"p{row}" for row in range(N)],
        "series": [f"{row % 2}.npy" for row in range(N)],
        "core_ml": random.permutation(N) + 0.5,
    }
    pd.DataFrame(table).to_csv(folder / "cohort.csv", index=False)
    write_json(folder / "cohort.json", {"hash": "c0ffee"})
    return Cohort(folder)


def _config(cohort: Cohort, weights: Path, *overrides: str) -> TrainSettings:
    usual = [f"cohort={cohort.folder}", f"outputs={cohort.folder.parent}", "fold=0", "folds.n=3"]
    return settings_of("train", TrainSettings, *usual, f"encoder.weights={weights}", *overrides)


def _train(config: TrainSettings, cohort: Cohort, folder: Path) -> pd.DataFrame:
    """Losses of every epoch."""
    labels = Endpoint.of(cohort, config.endpoint).labels(cohort)
    parts = split(labels, config.fold, config.folds)
    pipeline, provenance = networks.frame_pipeline(config), networks.provenance_of(config.encoder.weights)
    data = networks.build_data(config, cohort, labels, parts, pipeline, provenance)
    module, trainer = networks.build_module(config, pipeline), networks.build_trainer(config, folder)
    networks.trained(config, module, trainer, data, folder)
    (log,) = folder.rglob("metrics.csv")
    return pd.read_csv(log).groupby("epoch")[["train_loss", "val_loss"]].first()


@pytest.mark.parametrize(
    ("precision", "least"), [(torch.float32, 0.9999), (torch.bfloat16, 0.99)], ids=["single", "bfloat16"]
)
def test_features_have_the_temporal_contrast_of_the_cpus(weights: Path, precision: torch.dtype, least: float) -> None:
    encoder = Encoder(str(weights)).eval()
    frames = torch.randn(1, 2, 32, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        reference = encoder(frames)
        encoder.to("cuda").trunk.to(precision)
        features = encoder(frames.to("cuda", precision)).cpu()
    contrasts = [(one - one.mean(dim=2, keepdim=True)).flatten() for one in (reference, features)]
    assert float(torch.corrcoef(torch.stack(contrasts))[0, 1]) > least


def test_a_training_from_the_bank_has_the_losses_of_the_cpus(cohort: Cohort, weights: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    draws = [random.standard_normal((N, 2, 32, 512), dtype=np.float32) for _ in range(2)]
    losses = []
    for accelerator in ("cpu", "gpu"):
        config = _config(cohort, weights, *DETERMINISTIC, f"trainer.accelerator={accelerator}", "trainer.max_epochs=5")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(networks, "banked", lambda *_: draws)
            losses.append(_train(config, cohort, tmp_path / accelerator))
    assert len(losses[0]) == 5
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_the_bank_encoded_on_a_gpu_trains_as_the_direct_route_does(
    cohort: Cohort, weights: Path, tmp_path: Path
) -> None:
    still = ("augmentation.max_angle=0.0", "augmentation.max_shift=0.0", "augmentation.flip_probability=0.0")
    given = (*DETERMINISTIC, *still, "bank.draws=1", "input=window", "trainer.accelerator=gpu", "trainer.max_epochs=2")
    banked = _train(_config(cohort, weights, *given, "route=bank"), cohort, tmp_path / "bank")
    direct = _train(_config(cohort, weights, *given, "route=direct"), cohort, tmp_path / "direct")
    np.testing.assert_allclose(banked, direct, rtol=1e-2)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_batch_of_twelve_read_literally_fits_into_the_articles_8_gb(
    cohort: Cohort, weights: Path, tmp_path: Path, precision: str
) -> None:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    given = ("experiment=paper", "trainer.accelerator=gpu", "trainer.max_epochs=1", f"trainer.precision={precision}")
    losses = _train(_config(cohort, weights, *given), cohort, tmp_path)
    assert np.isfinite(losses).all(axis=None)
    assert torch.cuda.max_memory_reserved() <= 7e9
