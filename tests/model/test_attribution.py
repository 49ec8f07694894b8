"""Attributions of the article's network: complete, local in time and space, and of the trained weights."""

import numpy as np
import pytest
import torch
from torch import nn

from stroke_ctp.model.attribution import attributions, explained, in_space, typical_features
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.temporal_network import TemporalNetwork

pytestmark = pytest.mark.usefixtures("one_thread")


def classifier(seed: int) -> CoreClassifier:
    """A network with drawn weights, whose training patients had features of mean 0.5."""
    torch.manual_seed(seed)
    member = CoreClassifier(TemporalNetwork(), nn.Identity(), nn.Identity()).eval()
    assert member.feature_standardization is not None
    member.feature_standardization.mean.fill_(0.5)
    return member


@pytest.fixture
def features() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, 2, 32, 512, generator=generator) * 2


def test_they_add_up_to_what_distinguishes_the_patient_from_typical_features(features: torch.Tensor):
    members = [classifier(0), classifier(1)]
    found = attributions(members, features)
    with torch.no_grad():
        differences = [member(features) - member(typical_features(member, features)) for member in members]
    expected = float(torch.stack(differences).mean())
    assert abs(expected) > 0.01
    assert float(found.sum()) == pytest.approx(expected, rel=0.02)


def test_they_vanish_on_frames_and_features_that_are_typical(features: torch.Tensor):
    features[:, :, 10:20], features[..., 100:200] = 0.5, 0.5
    found = attributions([classifier(0)], features)
    assert (found[:, 10:20] == 0).all()
    assert (found[..., 100:200] == 0).all()
    assert (found != 0).any()


def test_they_fall_on_the_frames_level_and_features_that_the_weights_read(features: torch.Tensor):
    """A network that reads feature 7 of the second level alone."""
    member = classifier(0)
    with torch.no_grad():
        for pathway in member.network.pathways:
            kept = pathway.convolution.weight[1, 7].clone()
            pathway.convolution.weight.zero_()
            pathway.convolution.weight[1, 7] = kept
    found = attributions([member], features)
    assert (found[0] == 0).all()
    assert (found[1, :, 7] != 0).any()
    found[1, :, 7] = 0
    assert (found == 0).all()


def test_other_weights_of_the_network_destroy_them(features: torch.Tensor):
    """The sanity check of Adebayo et al., NeurIPS 2018: an attribution that survives is none of the network."""
    one, other = (attributions([classifier(seed)], features).flatten().numpy() for seed in (0, 1))
    again = attributions([classifier(0)], features).flatten().numpy()
    assert np.corrcoef(one, again)[0, 1] > 0.999
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_in_the_plane_each_lies_at_the_maximum_of_its_channel():
    contributions, cells = torch.zeros(2, 3, 4), torch.zeros(2, 3, 4, dtype=torch.long)
    contributions[0, 1, 2], cells[0, 1, 2] = 3.0, 5
    contributions[0, 2, 2], cells[0, 2, 2] = -1.0, 5
    contributions[1, 0, 0], cells[1, 0, 0] = 2.0, 3
    placed = in_space(contributions, cells, (2, 3))
    assert placed[0, 1, 2] == 2.0  # 3 − 1 in cell 5: second row, third column
    assert placed[1, 1, 0] == 2.0
    assert placed.sum() == contributions.sum()


def test_the_explanation_tells_each_frames_contribution():
    contributions = torch.zeros(2, 32, 512)
    contributions[1, 9, 4], contributions[1, 9, 5] = 0.5, -0.2
    found = explained(contributions, torch.zeros(2, 32, 512, dtype=torch.long), (8, 8))
    assert found.contributions is not None
    assert found.contributions[1, 9] == pytest.approx(0.3)
    assert np.count_nonzero(found.contributions) == 1
    (shown,) = found.overlays
    assert shown.values.shape == (2, 128, 128)
    assert shown.values[1, 0, 0] == pytest.approx(0.3)
    assert shown.window == (-shown.window[1], shown.window[1])


def test_the_encoder_tells_the_cell_in_which_each_feature_is_read():
    """The last convolution's answer in that cell is the feature, which is the one that the encoder gives."""
    encoder = Encoder("none").eval()
    frames = torch.randn(1, 1, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    features, cells, shape = encoder.strongest(frames)
    assert shape == (8, 8)
    assert torch.equal(features, encoder(frames))
    with torch.no_grad():
        answers = encoder.backbone[:-1](frames[0].expand(1, 3, 128, 128))[0].flatten(1)
    assert torch.equal(answers.gather(1, cells[0, 0].T)[:, 0], features[0, 0, 0])
    assert len(cells.unique()) > 10
