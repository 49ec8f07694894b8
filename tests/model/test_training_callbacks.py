import errno
import resource
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.training_callbacks import AtomicCheckpoints, checkpoint_callbacks


def test_a_checkpoint_whose_writing_is_interrupted_leaves_the_last_one(tmp_path: Path):
    class Interrupted:
        def __reduce__(self):
            raise KeyboardInterrupt

    checkpoints, path = AtomicCheckpoints(), tmp_path / "last.ckpt"
    checkpoints.save_checkpoint({"epoch": 3}, path)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save_checkpoint({"epoch": 4, "rest": Interrupted()}, path)
    assert checkpoints.load_checkpoint(path) == {"epoch": 3}
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_that_finds_no_room_says_why_and_leaves_the_last_one(tmp_path: Path):
    checkpoints, path = AtomicCheckpoints(), tmp_path / "last.ckpt"
    checkpoints.save_checkpoint({"epoch": 3}, path)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    try:
        with pytest.raises(OSError, match="large") as refusal:
            checkpoints.save_checkpoint({"epoch": 4, "weights": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert refusal.value.errno == errno.EFBIG
    assert checkpoints.load_checkpoint(path) == {"epoch": 3}
    assert list(tmp_path.iterdir()) == [path]


def test_checkpoints_are_written_where_the_training_files_are_read(tmp_path: Path):
    files = TrainingFiles(tmp_path)
    best, last = checkpoint_callbacks(files)
    assert isinstance(best, ModelCheckpoint)
    assert isinstance(last, ModelCheckpoint)
    for callback, path in ((best, files.best), (last, files.last)):
        assert Path(callback.format_checkpoint_name({})) == path
