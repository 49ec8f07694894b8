"""What a training writes: checkpoints and its log, read back."""

import io
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo, is_zipfile

import pandas as pd

from stroke_ctp.common.errors import UserError, raise_if_passing
from stroke_ctp.common.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor

_WAY_OUT = "remove its folder and train that fold again"
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

        Raises:
            UserError: A log is damaged.
        """
        logs = sorted(self.folder.glob("logs/version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
        tables = [table for log in logs if log.stat().st_size and (table := _logged(log)) is not None]
        if not tables:
            return None
        return pd.concat(tables).groupby("epoch")[_LOSSES].last().reset_index()


def _logged(log: Path) -> pd.DataFrame | None:
    """Epochs and losses of a log; None of one without losses."""
    try:
        table = pd.read_csv(log)
        if not {"epoch", *_LOSSES} <= set(table):
            return None
        return table[["epoch", *_LOSSES]].astype({"epoch": int, **dict.fromkeys(_LOSSES, float)})
    except ValueError as error:  # pandas' errors are of this class
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{log} is damaged ({reason}); {_WAY_OUT}") from None


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all, also if the process is killed; `torch.save` hides why a disk refuses."""
    import torch

    written = io.BytesIO()
    torch.save(content, written)
    with atomic_write(path) as partial:
        partial.write_bytes(written.getbuffer())


def read_checkpoint(path: Path, way_out: str = _WAY_OUT) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU: tensors and plain values, after their checksums are compared.

    Args:
        path: Of the file.
        way_out: Remedy for a damaged file, for the message.

    Raises:
        UserError: The file is missing, damaged, or holds something else.
        OSError, MemoryError: It cannot be read, which says nothing about its content.
    """
    import torch  # takes seconds to load, and most readers of a run do not need it

    try:
        if not path.is_file():
            raise ValueError("no such file")
        intact = _intact(path) if is_zipfile(path) else path  # PyTorch's format since version 1.6
        content = torch.load(intact, weights_only=True, map_location="cpu")
        if not isinstance(content, dict):
            raise ValueError("it holds no dictionary")
        return content
    except UnpicklingError:  # whose message proposes to read the file without this care
        raise UserError(f"{path} cannot be read (it holds more than tensors and values); {way_out}") from None
    except PermissionError:
        raise
    except Exception as error:  # zipfile and torch raise errors of many types on damaged files
        raise_if_passing(error, path)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read ({reason}); {way_out}") from None


def _intact(path: Path) -> io.BytesIO:
    """The archive, made again from parts whose checksums were compared.

    PyTorch does not compare them. It also leaves the memory of a tensor as it was if the archive's directory, which has
    no checksum, calls the tensor a folder.
    """
    again = io.BytesIO()
    with ZipFile(path) as archive, ZipFile(again, "w") as copy:
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} differs")
        for name in archive.namelist():
            copy.writestr(ZipInfo(name), archive.read(name))
    again.seek(0)
    return again


def read_weights(path: Path) -> tuple[dict[str, "Tensor"], int]:
    """Weights of a checkpoint of Lightning, and the epoch that they are of.

    Raises:
        UserError: The file is missing, damaged, or holds something else.
    """
    content = read_checkpoint(path)
    state, epoch = content.get("state_dict"), content.get("epoch")
    if not isinstance(state, dict) or not all(hasattr(value, "shape") for value in state.values()):
        raise no_fit(path, "it holds no weights")
    if not isinstance(epoch, int):
        raise no_fit(path, "it names no epoch")
    return state, epoch


def no_fit(path: Path, reason: object, way_out: str = _WAY_OUT) -> UserError:
    """The error for an intact checkpoint of something else."""
    return UserError(f"{path} does not fit the network ({' '.join(str(reason).split())[:160]}); {way_out}")
