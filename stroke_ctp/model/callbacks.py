"""What happens around the epochs of a training: progress, checkpoints, an end in time."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, ProgressBar
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import TorchCheckpointIO
from tqdm import tqdm

from stroke_ctp.common.files import whole


def training_callbacks(folder: Path, patience: int, title: str, n_after: int | None = 0) -> list[Callback]:
    """Early stopping on validation loss, `best.ckpt` with the weights of its minimum, `last.ckpt`, progress.

    Args:
        folder: Of the checkpoints.
        patience: Epochs without a lower validation loss before training ends.
        title: Of the progress bar.
        n_after: Trainings that this command has yet to do after this one; None if others go on beside it, whose
            lines would overwrite each other: none is then shown.
    """
    progress = EpochProgress(title, n_after or 0)
    if n_after is None:
        progress.disable()
    return [Patience("val_loss", patience=patience), *checkpoints(folder), progress]


def checkpoints(folder: Path) -> list[Callback]:
    """`best.ckpt` with the weights of the lowest validation loss, `last.ckpt` with all that continues a training."""
    return [
        Checkpoints(folder, "best", monitor="val_loss", save_weights_only=True, enable_version_counter=False),
        Checkpoints(folder, "last", every_n_epochs=1, enable_version_counter=False),
    ]


def alone() -> LightningEnvironment:
    """A run is one process wherever it is: how many SLURM was asked for where it started is not Lightning's concern."""
    return LightningEnvironment()


class Checkpoints(ModelCheckpoint):
    """Checkpoints that a resumed run knows again when its folder has been moved, or has another name on this machine.

    Lightning forgets the lowest loss then, and the next epoch, however bad, would take the place of the best.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the paths as those of the same files in today's folder."""
        here = {key: self._here(state_dict[key]) for key in state_dict if key.endswith("_path")}
        models = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | here | {"best_k_models": models, "dirpath": self.dirpath})

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Compute with `n` threads on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all, also where a process can be killed at any time."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write beside the file and then in its place: Lightning's own way passes through another file system."""
        content = io.BytesIO()  # into a file, torch.save would hide why there is no room
        torch.save(checkpoint, content)
        with whole(Path(path)) as partial:
            partial.write_bytes(content.getbuffer())


class Patience(EarlyStopping):
    """Early stopping that a resumed run remembers: a training that had ended is not taken further."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop at once if patience had run out when the run was interrupted."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def quiet_lightning() -> None:
    """Silence what Lightning says about hardware, loaders and folders at every fold of a sweep."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*smaller than the logging interval.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*GPU available but not used.*",
        ".*LeafSpec.*",
        ".*srun. command is available.*",
    ):
        warnings.filterwarnings("ignore", message)


class EpochProgress(ProgressBar):
    """One line for a training: epochs, time left at most in it and in all to come, validation loss and its minimum."""

    def __init__(self, title: str, n_after: int = 0) -> None:
        """Take what stands before the bar, and the number of trainings to come."""
        super().__init__()
        self.title, self.n_after = title, n_after
        self.bar: tqdm | None = None
        self.lowest = float("inf")

    def disable(self) -> None:
        """Lightning's way of saying that another process shows the progress."""
        self._silent = True

    def enable(self) -> None:
        """The counterpart of `disable`."""
        self._silent = False

    _silent = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin where an interrupted run ended."""
        super().on_train_start(trainer, pl_module)
        if trainer.early_stopping_callback is not None:
            self.lowest = float(trainer.early_stopping_callback.best_score)
        self.bar = tqdm(
            desc=self.title,
            total=trainer.max_epochs,
            initial=trainer.current_epoch,
            unit="epoch",
            ncols=79,
            disable=self._silent,
            mininterval=0.5,
            bar_format="{desc} |{bar}| {n_fmt}/{total_fmt} [<{remaining}{postfix}]",
        )

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Another epoch."""
        loss = trainer.callback_metrics.get("val_loss")
        if self.bar is None or loss is None:
            return
        self.lowest = min(self.lowest, float(loss))
        self.bar.update()
        losses = f"val_loss {float(loss):.3f} ≥ {self.lowest:.3f}"
        self.bar.set_postfix_str(self._all_left(self.bar) + losses, refresh=False)

    def _all_left(self, bar: tqdm) -> str:
        """Time until the last training to come has ended, should none of them stop early."""
        if not self.n_after:
            return ""
        epochs = bar.total - bar.n + self.n_after * bar.total
        return f"all <{tqdm.format_interval(epochs * bar.format_dict['elapsed'] / (bar.n - bar.initial))}, "

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the line as it stands."""
        if self.bar is not None:
            self.bar.close()
