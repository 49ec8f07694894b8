"""A model's networks as an ONNX file with a dynamic batch, for programs without PyTorch."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model.condensed_series import CondensedSeries
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.fitted_article import FittedArticle
from stroke_ctp.model.perfusion_heads import Heads
from stroke_ctp.model.perfusion_measurements import measured
from stroke_ctp.model.perfusion_model import FittedPerfusion
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.predicted_maps import PredictedMaps
from stroke_ctp.model.protocol import FittedModel

_EXAMPLES = 2
"""Patients of the example: a batch of one would be taken for a constant."""


class TemporalHeads(nn.Module):
    """The article's network of every fold, from the features of a patient's frames on."""

    inputs = ("features",)
    outputs = ("probability",)

    def __init__(self, members: Sequence[FittedArticle]) -> None:
        """Take the networks of all folds, without their encoder."""
        super().__init__()
        parts = [(member.core_network.feature_standardization, member.core_network.network) for member in members]
        self.members = nn.ModuleList(nn.Sequential(scale or nn.Identity(), network) for scale, network in parts)

    def forward(self, features: Float[Tensor, "batch level time feature"]) -> Float[Tensor, "batch member"]:
        """Probability of a large core by each member."""
        return torch.stack([member(features) for member in self.members], dim=1).sigmoid()

    @staticmethod
    def example() -> tuple[Tensor, ...]:
        """Input of a small batch."""
        return (torch.zeros(_EXAMPLES, *SERIES_SHAPE[:2], N_FEATURES),)


class PerfusionHeads(nn.Module):
    """The perfusion network with the heads of every fold."""

    inputs = ("frames", "inside")
    outputs = ("core", "hypoperfused", "cbv", "cbf", "delay", "probability")

    def __init__(self, network: PerfusionNetwork, heads: Sequence[Heads]) -> None:
        """Take the network and the heads of all folds."""
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor([one.scaling.mean for one in heads]))
        self.register_buffer("sd", torch.tensor([one.scaling.sd for one in heads]))
        self.register_buffer("slopes", torch.tensor([one.classification.slopes for one in heads]))
        self.register_buffer("intercept", torch.tensor([one.classification.intercept for one in heads]))

    mean: Tensor
    sd: Tensor
    slopes: Tensor
    intercept: Tensor

    def forward(
        self, frames: Float[Tensor, "batch level time height width"], inside: Float[Tensor, "batch level height width"]
    ) -> tuple[Tensor, ...]:
        """Maps, and the probability of a large core by each member `[batch, member]`.

        Args:
            frames: Of `CondensedSeries` [HU].
            inside: Share of a pixel that is brain.
        """
        series = CondensedSeries(frames, inside)
        maps = PredictedMaps.of(self.network(series), inside)
        scaled = (torch.log1p(measured(maps))[:, None] - self.mean) / self.sd
        probability = ((scaled * self.slopes).sum(dim=2) + self.intercept).sigmoid()
        return maps.core, maps.hypoperfused, maps.cbv, maps.cbf, maps.delay, probability

    @staticmethod
    def example() -> tuple[Tensor, ...]:
        """Input of a small batch."""
        level, time, height, width = SERIES_SHAPE
        half = (height // 2, width // 2)
        return torch.zeros(_EXAMPLES, level, time, *half), torch.ones(_EXAMPLES, level, *half)


def heads_of(members: Sequence[FittedModel]) -> TemporalHeads | PerfusionHeads:
    """The networks of a model's members as one module.

    Raises:
        UserError: The model has no network, or one for each fold.
    """
    articles = [member for member in members if isinstance(member, FittedArticle) and not member.model.is_direct]
    perfusion = [member for member in members if isinstance(member, FittedPerfusion)]
    if len(articles) == len(members):
        return TemporalHeads(articles).eval().cpu()
    if len(perfusion) == len(members):
        return PerfusionHeads(perfusion[0].weights.network, [one.heads for one in perfusion]).eval()
    raise UserError(
        "format=onnx needs the perfusion model, or the article's network of route=bank, got another model; "
        "leave out format"
    )


def write_onnx(path: Path, module: TemporalHeads | PerfusionHeads) -> None:
    """Write a module as ONNX; its first axis is named `batch` and has any length.

    Raises:
        UserError: The packages of the extra `onnx` are not installed.
    """
    try:
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError:
        raise UserError("format=onnx needs onnxscript and onnx; run `pip install 'stroke_ctp[onnx]'`") from None
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        module,
        module.example(),
        input_names=list(module.inputs),
        output_names=list(module.outputs),
        dynamic_shapes=tuple({0: batch} for _ in module.inputs),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    with atomic_write(path) as partial:
        program.save(partial)
