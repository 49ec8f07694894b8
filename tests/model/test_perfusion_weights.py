import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest
from stroke_ctp.config.schemas.pretrain import PretrainSettings
from stroke_ctp.model import perfusion_weights
from stroke_ctp.model.perfusion_network import PerfusionNetwork
from stroke_ctp.model.perfusion_weights import SHIPPED, SHIPPED_SHA256, read_pretraining, read_weights, write_weights

SETTINGS = {"seed": 5, "patients": 1, "steps": 1}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Random weights."""
    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    write_weights(path, PerfusionNetwork(), SETTINGS)
    return path


def test_the_shipped_file_is_the_one_that_the_code_names_made_with_the_commands_defaults():
    assert file_digest(SHIPPED) == SHIPPED_SHA256
    assert SHIPPED.stat().st_size < 1_000_000
    weights, usual = read_weights("shipped"), PretrainSettings(out=Path("f"))
    assert weights.provenance.sha256 == SHIPPED_SHA256
    expected = {"seed": usual.seed, "patients": usual.patients, "steps": usual.steps, "device": "cuda"}
    assert weights.pretraining == expected


def test_weights_are_read_as_they_were_written_and_one_network_gives_one_file(file: Path, tmp_path: Path):
    read = read_weights(str(file))
    write_weights(tmp_path / "again.safetensors", read.network, SETTINGS)
    assert file_digest(tmp_path / "again.safetensors") == file_digest(file) == read.provenance.sha256
    assert read.provenance.weights == "w.safetensors"


def test_a_file_that_is_not_there_is_refused_with_the_ways_out():
    with pytest.raises(UserError, match=r"weights must be shipped or a file, got nowhere; use model.weights=shipped"):
        read_weights("nowhere")


def test_a_file_that_is_cut_short_is_refused(file: Path):
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"w.safetensors cannot be read"):
        read_weights(str(file))


def test_a_file_that_is_gone_or_may_not_be_opened_is_not_called_damaged(file: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FileNotFoundError):
        read_pretraining(file.with_name("gone"))

    def refuse(path: Path, _: str):  # the tests may run as root, whom permissions do not stop
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError):
        read_pretraining(file)


def test_a_shipped_file_that_was_changed_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(perfusion_weights, "SHIPPED", file)
    read_weights.cache_clear()
    with pytest.raises(UserError, match=r"is damaged \(sha256 .*, expected 4576ad"):
        read_weights("shipped")
    read_weights.cache_clear()


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (None, "holds no weights of the perfusion network"),
        ({"stroke_ctp": json.dumps({"schema": 99, "pretraining": {}})}, "must hold weights of schema 1, got 99"),
        ({"stroke_ctp": json.dumps({"schema": 1, "pretraining": {}})}, "holds weights of another network"),
    ],
)
def test_weights_of_another_kind_are_refused(metadata: dict[str, str] | None, said: str, tmp_path: Path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(3)}, path, metadata)
    with pytest.raises(UserError, match=said):
        read_weights(str(path))
