from pathlib import Path

import pandas as pd
import pytest

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.checkpoints import TrainingFiles, read_checkpoint


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


def test_a_missing_checkpoint_is_named_with_the_way_out(tmp_path: Path):
    with pytest.raises(UserError, match=r"best\.ckpt cannot be read .*no such file.*train that fold again$"):
        read_checkpoint(TrainingFiles(tmp_path).best)
