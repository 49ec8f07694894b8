"""What a training writes: checkpoints and its log, read back."""

from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pandas as pd

from stroke_ctp.common.errors import UserError

_LOSSES = ["train_loss", "val_loss"]


@dataclass(frozen=True)
class TrainingFiles:
    """The files of one training in its folder: `best.ckpt`, `last.ckpt` and the CSV logger's `logs/`."""

    folder: Path

    @property
    def best(self) -> Path:
        """Weights of the epoch with the lowest validation loss."""
        return self.folder / "best.ckpt"

    @property
    def last(self) -> Path:
        """Everything that a training needs to continue after its last epoch."""
        return self.folder / "last.ckpt"

    def losses(self) -> pd.DataFrame | None:
        """Columns epoch, train_loss and val_loss; None if no CSV log was kept.

        A continued training leaves several logs; the later one is valid.
        """
        logs = sorted(self.folder.glob("logs/version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
        tables = [pd.read_csv(log) for log in logs if log.stat().st_size]
        tables = [table for table in tables if {"epoch", *_LOSSES} <= set(table)]
        if not tables:
            return None
        return pd.concat(tables).groupby("epoch")[_LOSSES].last().reset_index()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU.

    Raises:
        UserError: The file is missing or damaged.
    """
    import torch  # takes seconds to load, and most readers of a run do not need it

    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise UserError(f"{path} cannot be read ({reason}); remove its folder and train that fold again") from None
