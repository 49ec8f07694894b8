"""Networks as ONNX files answer as in PyTorch, for batches of any length."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.article import ArticleModel
from stroke_ctp.model.conventional import FittedConventional
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.fitted_article import FittedArticle
from stroke_ctp.model.onnx_export import PerfusionHeads, heads_of, write_onnx
from stroke_ctp.model.perfusion_heads import Heads
from stroke_ctp.model.perfusion_model import FittedPerfusion
from stroke_ctp.model.perfusion_weights import read_weights
from stroke_ctp.model.settings import EncoderSettings, TrainerSettings, TrainSettings

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra dev has it")
pytest.importorskip("onnxscript", reason="the extra onnx has it")

BATCHES = (1, 2, 17)


def article_members() -> list[FittedArticle]:
    """Networks of three folds with weights and statistics that differ."""
    trainer = TrainerSettings(accelerator="cpu")
    model = ArticleModel(TrainSettings(fold=0, encoder=EncoderSettings(weights="none"), trainer=trainer))
    members = [FittedArticle(model, model.core_network(fold), 1, 0, None) for fold in range(3)]
    for member in members:
        member.core_network.eval().feature_standardization.mean.uniform_(-0.5, 0.5)
    return members


def perfusion_members() -> list[FittedPerfusion]:
    """Heads of three folds on the shipped network."""
    generator = np.random.default_rng(0)
    weights = read_weights("shipped")
    areas, labels = generator.gamma(2, 5, (3, 20, 4)), np.arange(20) % 2
    return [FittedPerfusion(weights, Heads.fit(areas[fold], labels, None), {}) for fold in range(3)]


def patients(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Heads of noise through which a bolus passes, the last frames of one held."""
    generator = torch.Generator().manual_seed(n)
    inside = torch.zeros(n, 2, 64, 64)
    inside[:, :, 8:56, 10:54] = 1
    frames = 30 + 3 * torch.randn(n, 2, 32, 64, 64, generator=generator)
    frames += torch.linspace(4, 12, n)[:, None, None, None, None] * torch.hann_window(32)[None, None, :, None, None]
    frames[-1, :, 28:] = frames[-1, :, 27:28]
    return frames * inside[:, :, None], inside


def test_the_temporal_heads_answer_as_in_torch(tmp_path: Path):
    members = article_members()
    write_onnx(tmp_path / "heads.onnx", heads_of(members))
    session = onnxruntime.InferenceSession(tmp_path / "heads.onnx")
    for n in BATCHES:
        features = torch.randn(n, 2, 32, 512, generator=torch.Generator().manual_seed(n))
        (found,) = session.run(None, {"features": features.numpy()})
        with torch.inference_mode():
            expected = torch.stack([member.core_network(features).sigmoid() for member in members], dim=1)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.ptp(found, axis=1).min() > 1e-3  # the members differ


def test_the_perfusion_network_answers_as_in_torch_and_its_heads_as_the_model(tmp_path: Path):
    members = perfusion_members()
    module = heads_of(members)
    assert isinstance(module, PerfusionHeads)
    write_onnx(tmp_path / "perfusion.onnx", module)
    session = onnxruntime.InferenceSession(tmp_path / "perfusion.onnx")
    for n in BATCHES:
        frames, inside = patients(n)
        answered = session.run(None, {"frames": frames.numpy(), "inside": inside.numpy()})
        found = dict(zip(module.outputs, answered, strict=True))
        with torch.inference_mode():
            expected = dict(zip(module.outputs, module(frames, inside), strict=True))
        for name in module.outputs:
            # CBF reaches 50 mL/100 mL/min, where single precision alone leaves 4e-6 of rounding per step
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-4, err_msg=name)
        assert np.ptp(found["cbf"]) > 10  # brain, and nothing around it
        areas = areas_of(found)
        theirs = np.stack([member.heads.probability(areas) for member in members], axis=1)
        np.testing.assert_allclose(found["probability"], theirs, atol=1e-3)


def areas_of(maps: dict[str, np.ndarray]) -> np.ndarray:
    """The four areas of the heads, from the maps [cm²]: pixels are 3.125 mm wide."""
    hypoperfused = maps["hypoperfused"]
    shares = (maps["core"], hypoperfused, hypoperfused * (maps["cbv"] < 1.2), maps["delay"] > 6)
    return np.stack([share.sum(axis=(1, 2, 3)) * 0.3125**2 for share in shares], axis=1).astype(float)


def test_a_model_without_a_network_is_refused():
    with pytest.raises(UserError, match="format=onnx needs the perfusion model, or the article's network"):
        heads_of([FittedConventional("cbv", Scale(1.0, 0.0, 0.0), {})])


def test_without_the_exporters_packages_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"needs onnxscript and onnx; run `pip install 'stroke_ctp\[onnx\]'`"):
        write_onnx(tmp_path / "heads.onnx", heads_of(article_members()))
    assert not list(tmp_path.iterdir())
