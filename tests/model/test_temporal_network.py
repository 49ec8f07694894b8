from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.model.feature_standardization import FLOOR, FeatureStandardization
from stroke_ctp.model.settings import AblationSettings
from stroke_ctp.model.temporal_network import KERNEL_SIZES, FeatureDropout, TemporalConvolution, TemporalNetwork


def _features(batch: int = 3) -> torch.Tensor:
    return torch.randn(batch, 2, 32, 512, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("pathways", "published"), [(("local", "global"), 43_469), (("local",), 9_479), (("global",), 34_055)]
)
def test_parameters_are_as_many_as_the_article_counts(pathways: Sequence[str], published: int):
    network = TemporalNetwork(pathways=pathways)
    assert sum(parameter.numel() for parameter in network.parameters()) == published
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("kernel_size", KERNEL_SIZES.values())
def test_the_temporal_convolution_equals_torchs_of_each_level(kernel_size: int):
    ours, features = TemporalConvolution(2, 3, kernel_size), _features()
    response = ours(features)
    for level in range(2):
        weight = ours.weight[level].permute(2, 0, 1)  # filter, feature, kernel
        expected = F.conv1d(features[:, level].transpose(1, 2), weight, ours.bias[level, 0], padding="same")
        torch.testing.assert_close(response[:, level], expected.transpose(1, 2), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kernel_size", KERNEL_SIZES.values())
def test_initial_weights_are_spread_as_those_of_torchs_convolution(kernel_size: int):
    ours, theirs = TemporalConvolution(2, 3, kernel_size), nn.Conv1d(512, 3, kernel_size)
    limit = float(theirs.weight.detach().abs().max())
    assert float(ours.weight.detach().abs().max()) == pytest.approx(limit, rel=0.01)
    assert float(ours.weight.detach().std()) == pytest.approx(float(theirs.weight.detach().std()), rel=0.05)
    assert float(ours.bias.detach().abs().max()) <= (512 * kernel_size) ** -0.5


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="kernel_size must be odd"):
        TemporalConvolution(2, 3, 4)


def test_each_level_has_weights_of_its_own():
    network, features = TemporalNetwork().eval(), _features()
    assert not torch.allclose(network(features), network(features.flip(1)))
    with torch.no_grad():
        for pathway in network.pathways:
            pathway.convolution.weight[1] = pathway.convolution.weight[0]
            pathway.convolution.bias[1] = pathway.convolution.bias[0]
    level = network.pathways[0](features)
    torch.testing.assert_close(level.flip(1), network.pathways[0](features.flip(1)))


def test_a_pathway_answers_with_its_strongest_response_whenever_that_comes():
    pathway = TemporalNetwork(pathways=("local",)).eval().pathways[0]
    early = torch.zeros(1, 2, 32, 512)
    early[:, :, 9:12] = 5 * _features()[:1, :, :3]
    torch.testing.assert_close(pathway(early), pathway(early.roll(14, dims=2)))
    assert pathway(early).min() >= 0


def test_the_local_pathway_sees_three_frames_and_the_global_one_eleven():
    for name, reach in (("local", 1), ("global", 5)):
        convolution = TemporalNetwork(pathways=(name,)).pathways[0].convolution
        impulse = torch.zeros(1, 2, 32, 512)
        impulse[:, :, 16] = 1
        answered = ((convolution(impulse) - convolution(0 * impulse)).abs() > 1e-7).any(dim=-1)
        assert answered[0, 0].nonzero().flatten().tolist() == list(range(16 - reach, 17 + reach))


@pytest.mark.parametrize("pathways", [["locla"], ["local", "far"], [], ["local", "local"]])
def test_unknown_pathways_are_refused_with_the_known_ones(pathways: list[str]):
    with pytest.raises(UserError, match="pathways must be a list of local or global, each once, got "):
        validated(AblationSettings, {"pathways": pathways})


def test_evaluation_is_deterministic_and_training_is_not():
    network, features = TemporalNetwork(), _features()
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


def test_feature_dropout_drops_a_feature_from_all_frames_of_a_level_and_keeps_the_mean():
    dropped = FeatureDropout(0.3)(torch.ones(40, 2, 32, 512))
    assert (dropped == dropped[:, :, :1]).all()
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert not torch.equal(dropped[:, 0], dropped[:, 1])


def test_feature_standardization_brings_channels_to_mean_zero_and_deviation_one_but_keeps_quiet_ones_small():
    features = _features(6) * torch.cat([torch.full((100,), 1e-3), torch.ones(300), torch.full((112,), 100.0)])
    features += torch.linspace(-30, 90, 512)
    module = FeatureStandardization()
    assert torch.equal(module(features), features)  # until fitted
    module.fit(features.split(4))
    standardized = module(features).flatten(0, 2)
    torch.testing.assert_close(standardized.mean(dim=0), torch.zeros(512), atol=1e-3, rtol=0)
    given, got = (values.numpy().std(axis=0) for values in (features.flatten(0, 2).double(), standardized))
    np.testing.assert_allclose(got, given / np.hypot(given, FLOOR * np.median(given)), rtol=1e-3)
    assert got[:100].max() < 0.01
    assert got[400:] == pytest.approx(1, abs=0.01)


def test_a_channel_that_never_answers_stays_zero():
    features = _features()
    features[..., 7] = 0
    module = FeatureStandardization()
    module.fit(features.split(4))
    assert not module(features)[..., 7].any()
    assert module(features).isfinite().all()
