import lightning as L
import pytest
import torch
from torch import nn
from torchvision.models import vgg19

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import validated
from stroke_ctp.model.encoder import Encoder, encoder_autocast
from stroke_ctp.model.feature_standardization import N_FEATURES
from stroke_ctp.model.settings import EncoderSettings


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """With weights by which features answer to their frames, unlike torch's initial ones."""
    made = Encoder("none")
    generator = torch.Generator().manual_seed(0)
    for module in made.backbone:
        if isinstance(module, nn.Conv2d):
            module.weight.data.normal_(0, (2 / (9 * module.in_channels)) ** 0.5, generator=generator)
    return made


def _torchvisions(encoder: Encoder) -> nn.Module:
    """torchvision's own VGG19 without its classifier, with the encoder's weights."""
    with torch.device("meta"):
        features = vgg19(init_weights=False).features
    features.load_state_dict(encoder.backbone.state_dict(), assign=True)
    return features


def test_a_frame_becomes_512_features_that_are_torchvisions_pooled_to_one(encoder: Encoder):
    frames = torch.randn(1, 2, 2, 128, 128, generator=torch.Generator().manual_seed(1))
    features = encoder(frames)
    assert features.shape == (1, 2, 2, N_FEATURES)
    theirs = _torchvisions(encoder)
    with torch.inference_mode():
        for level in range(2):
            maps = theirs(frames[0, level][:, None].expand(-1, 3, -1, -1).contiguous())
            assert maps.shape == (2, 512, 4, 4)
            pooled = nn.MaxPool2d(4)(maps).flatten(1)
            torch.testing.assert_close(features[0, level], pooled, rtol=1e-3, atol=1e-3 * float(pooled.std()))


def test_the_frozen_backbone_has_as_many_parameters_as_published_and_none_of_them_is_trained(encoder: Encoder):
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 20_024_384
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(torch.randn(1, 1, 1, 32, 32)).requires_grad


@pytest.mark.parametrize(("blocks", "freed"), [(1, [28, 30, 32, 34]), (2, [19, 21, 23, 25, 28, 30, 32, 34])])
def test_trainable_blocks_frees_exactly_the_last_blocks(blocks: int, freed: list[int]):
    encoder = Encoder("none", trainable_blocks=blocks)
    free = {int(name.split(".")[0]) for name, value in encoder.backbone.named_parameters() if value.requires_grad}
    assert sorted(free) == freed
    encoder(torch.randn(1, 1, 1, 32, 32)).sum().backward()
    reached = {int(name.split(".")[0]) for name, value in encoder.backbone.named_parameters() if value.grad is not None}
    assert sorted(reached) == freed


def test_five_trainable_blocks_are_the_whole_backbone():
    assert all(parameter.requires_grad for parameter in Encoder("none", trainable_blocks=5).parameters())


@pytest.mark.parametrize("blocks", [-1, 6])
def test_a_number_of_blocks_that_there_are_not_is_refused(blocks: int):
    with pytest.raises(UserError, match=rf"trainable_blocks must be a whole number ≥ 0 and ≤ 5, got {blocks}$"):
        validated(EncoderSettings, {"trainable_blocks": blocks})


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16), ("16-mixed", torch.bfloat16)],
)
def test_mixed_precision_is_that_of_lightnings_trainer(precision: str, expected: torch.dtype):
    layer, batch = nn.Linear(4, 4), torch.ones(1, 4)
    trainer = L.Trainer(accelerator="cpu", precision=precision, logger=False, enable_checkpointing=False)
    with trainer.precision_plugin.forward_context():
        theirs = layer(batch)
    with encoder_autocast(torch.device("cpu"), precision):
        assert layer(batch).dtype == theirs.dtype == expected
