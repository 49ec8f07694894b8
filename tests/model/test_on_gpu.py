"""What the CPU's tests show, on a GPU; skipped where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cohorts import write_cohort
from trainings import UNAUGMENTED, fit, write_responsive_weights

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model.article import ArticleModel
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.fitted_article import FittedArticle

pytestmark = pytest.mark.gpu

N = 36
DETERMINISTIC: dict[str, Any] = {"network": {"dropout": 0.0, "feature_dropout": 0.0}}
"""Dropout draws other numbers on a GPU."""
PAPER: dict[str, Any] = {
    "input": {"kind": "hu"},
    "standardization": {"kind": "batch"},
    "route": "direct",
    "standardize_features": False,
}
"""As `conf/experiment/paper.yaml`."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of a backbone whose features answer to their frames."""
    return {"weights": str(write_responsive_weights(tmp_path_factory.mktemp("weights") / "backbone.pth"))}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Patients who share two series of noise: a third of them are a batch of twelve."""
    random = np.random.default_rng(0)
    series = {f"{number}.npy": random.normal(35, 5, SERIES_SHAPE) for number in range(2)}
    columns = {"series": [f"{row % 2}.npy" for row in range(N)], "core_ml": random.permutation(N) + 0.5}
    return Cohort(write_cohort(tmp_path_factory.mktemp("cohort"), columns, series))


def _train(
    cohort: Cohort, folder: Path, accelerator: str, epochs: int, **changes: Any
) -> tuple[FittedArticle, pd.DataFrame]:
    """The fitted model, and its losses in every epoch."""
    trainer = changes.pop("trainer", {}) | {"accelerator": accelerator, "max_epochs": epochs}
    fitted = fit(cohort, folder, trainer=trainer, **{"input": {"kind": "enhancement"}} | changes)
    losses = TrainingFiles(folder).losses()
    assert losses is not None
    return fitted, losses.set_index("epoch")


@pytest.mark.parametrize(
    ("precision", "least"), [(torch.float32, 0.9999), (torch.bfloat16, 0.99)], ids=["single", "bfloat16"]
)
def test_features_have_the_temporal_contrast_of_the_cpus(
    encoder: dict[str, str], precision: torch.dtype, least: float
) -> None:
    backbone = Encoder(**encoder).eval()
    frames = torch.randn(1, 2, 32, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        reference = backbone(frames)
        backbone.to("cuda").backbone.to(precision)
        features = backbone(frames.to("cuda", precision)).cpu()
    contrasts = [(one - one.mean(dim=2, keepdim=True)).flatten() for one in (reference, features)]
    assert float(torch.corrcoef(torch.stack(contrasts))[0, 1]) > least


def test_a_training_on_cached_features_has_the_losses_and_probabilities_of_the_cpus(
    cohort: Cohort, encoder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(2)
    draws = [random.standard_normal((N, 2, 32, 512), dtype=np.float32) for _ in range(2)]
    monkeypatch.setattr(ArticleModel, "features", lambda *_: draws)
    monkeypatch.setattr(ArticleModel, "cache", lambda *_: None)  # no file of these features is to be recorded
    losses, probabilities = [], []
    for accelerator in ("cpu", "gpu"):
        fitted, loss = _train(cohort, tmp_path / accelerator, accelerator, 5, encoder=encoder, **DETERMINISTIC)
        losses.append(loss)
        probabilities.append(fitted.score(cohort))
    assert len(losses[0]) == 5
    np.testing.assert_allclose(*losses, rtol=1e-3)
    np.testing.assert_allclose(*probabilities, rtol=1e-2)


def test_features_that_are_encoded_and_cached_on_a_gpu_train_as_on_the_direct_route(
    cohort: Cohort, encoder: dict[str, str], tmp_path: Path
) -> None:
    given = {"encoder": encoder, "bank": {"draws": 1}, "input": {"kind": "window"}} | DETERMINISTIC | UNAUGMENTED
    cached, cached_losses = _train(cohort, tmp_path / "bank", "gpu", 2, **given)
    direct, direct_losses = _train(cohort, tmp_path / "direct", "gpu", 2, route="direct", **given)
    np.testing.assert_allclose(cached_losses, direct_losses, rtol=1e-2)
    np.testing.assert_allclose(cached.score(cohort), direct.score(cohort), rtol=5e-2)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_batch_of_twelve_read_literally_fits_into_the_articles_8_gb(
    cohort: Cohort, encoder: dict[str, str], tmp_path: Path, precision: str
) -> None:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    trainer = {"precision": precision}
    fitted, losses = _train(cohort, tmp_path, "gpu", 1, encoder=encoder, trainer=trainer, **PAPER)
    assert np.isfinite(losses).all(axis=None)
    assert np.isfinite(fitted.score(cohort, np.arange(2))).all()
    assert torch.cuda.max_memory_reserved() <= 7e9
