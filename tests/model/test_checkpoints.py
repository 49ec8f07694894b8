import errno
import re
import resource
from pathlib import Path

import pandas as pd
import pytest
import torch

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.checkpoints import TrainingFiles, read_checkpoint, read_weights, write_checkpoint


def _log(folder: Path, version: int, text: str) -> None:
    path = folder / "logs" / f"version_{version}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_the_losses_of_a_continued_training_are_those_of_its_later_log(tmp_path: Path):
    _log(tmp_path, 9, "epoch,step,train_loss,val_loss\n0,1,0.9,\n0,1,,0.8\n1,3,0.7,\n1,3,,0.6\n")
    _log(tmp_path, 10, "epoch,step,train_loss,val_loss\n1,3,0.5,\n1,3,,0.4\n")  # after 9, not before 2
    losses = TrainingFiles(tmp_path).losses()
    expected = pd.DataFrame({"epoch": [0, 1], "train_loss": [0.9, 0.5], "val_loss": [0.8, 0.4]})
    pd.testing.assert_frame_equal(losses, expected)


@pytest.mark.parametrize("text", [None, "", "epoch,step,val_auc\n0,1,0.5\n"], ids=["none", "empty", "no losses"])
def test_a_training_without_logged_losses_has_none(tmp_path: Path, text: str | None):
    if text is not None:
        _log(tmp_path, 0, text)
    assert TrainingFiles(tmp_path).losses() is None


LOG = "epoch,train_loss,val_loss\n"


@pytest.mark.parametrize("text", [f"{LOG}0,0.9,x\n", f'{LOG}0,"0.9', f"{LOG}1,2,3,4\n5,6,7,8,9"])
def test_a_damaged_log_is_named(tmp_path: Path, text: str):
    _log(tmp_path, 0, text)
    with pytest.raises(UserError, match=r"version_0/metrics\.csv is damaged \(.*\); remove its folder and train that"):
        TrainingFiles(tmp_path).losses()


def test_a_missing_checkpoint_is_named_with_the_way_out(tmp_path: Path):
    with pytest.raises(UserError, match=r"best\.ckpt cannot be read .*no such file.*train that fold again$"):
        read_checkpoint(TrainingFiles(tmp_path).best)


def _checkpoint(path: Path) -> bytes:
    torch.save({"state_dict": {"weight": torch.arange(100.0)}, "epoch": 7}, path)
    return path.read_bytes()


def test_weights_come_back_with_their_epoch(tmp_path: Path):
    _checkpoint(tmp_path / "best.ckpt")
    state, epoch = read_weights(tmp_path / "best.ckpt")
    assert epoch == 7
    assert torch.equal(state["weight"], torch.arange(100.0))


def test_a_bit_that_changed_in_a_tensor_is_noticed_although_pytorch_reads_it(tmp_path: Path):
    path = tmp_path / "best.ckpt"
    content = bytearray(_checkpoint(path))
    content[content.index(torch.arange(100.0).numpy().tobytes()) + 101] ^= 1
    path.write_bytes(content)
    assert not torch.equal(torch.load(path)["state_dict"]["weight"], torch.arange(100.0))
    with pytest.raises(UserError, match=r"best\.ckpt cannot be read \(the checksum of .* differs\); remove its folder"):
        read_checkpoint(path)


@pytest.mark.parametrize("error", [OSError(errno.EACCES, ""), OSError(errno.EIO, ""), MemoryError()])
def test_what_keeps_a_checkpoint_from_being_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def fail(*_: object, **__: object) -> None:
        raise error

    _checkpoint(tmp_path / "best.ckpt")
    monkeypatch.setattr("stroke_ctp.model.checkpoints.ZipFile", fail)
    with pytest.raises(type(error)):
        read_checkpoint(tmp_path / "best.ckpt")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1], "holds no dictionary"),
        ({}, "holds no weights"),
        ({"state_dict": [1], "epoch": 0}, "holds no weights"),
        ({"state_dict": {"a": 1}, "epoch": 0}, "holds no weights"),
        ({"state_dict": {}, "epoch": "0"}, "names no epoch"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, content: object, reason: str):
    torch.save(content, tmp_path / "best.ckpt")
    with pytest.raises(UserError, match=rf"best\.ckpt .*{reason}.*; remove its folder and train that fold again$"):
        read_weights(tmp_path / "best.ckpt")


def test_a_tensor_that_the_archive_calls_a_folder_is_read_all_the_same(tmp_path: Path):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path, {"state_dict": {"a": torch.arange(1000.0), "b": torch.ones(1000)}, "epoch": 3})
    content = bytearray(path.read_bytes())
    entries = [found.start() for found in re.finditer(b"PK\x01\x02", content)]
    for entry in entries:
        content[entry + 38] = 255  # attributes, of which a bit says that it is a folder
    path.write_bytes(content)
    state, _ = read_weights(path)
    assert torch.equal(state["a"], torch.arange(1000.0))
    assert torch.equal(state["b"], torch.ones(1000))


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_refused_as_any_file(tmp_path: Path):
    path = tmp_path / "checkpoint"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as refused:
            write_checkpoint(path, {"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (refused.value.errno, refused.value.filename) == (errno.EFBIG, str(path))
    assert list(tmp_path.iterdir()) == []
