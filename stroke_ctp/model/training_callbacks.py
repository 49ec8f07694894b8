"""Lightning callbacks and plugins of a training: progress, early stopping, atomic checkpoints."""

import logging
import warnings
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, ProgressBar
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.io import TorchCheckpointIO
from tqdm import tqdm

from stroke_ctp.model.checkpoints import TrainingFiles, write_checkpoint


def training_callbacks(files: TrainingFiles, patience: int, title: str, n_after: int | None = 0) -> list[Callback]:
    """Early stopping on the validation loss, checkpoints and progress of one training.

    Args:
        files: Where checkpoints are written.
        patience: Epochs without a lower validation loss before training ends.
        title: Of the progress bar.
        n_after: Trainings that this command runs after this one; None if others run beside it in other processes,
            whose progress lines would overwrite each other: no progress is shown then.
    """
    progress = EpochProgress(title, n_after or 0)
    if n_after is None:
        progress.disable()
    return [Patience("val_loss", patience=patience), *checkpoint_callbacks(files), progress]


def checkpoint_callbacks(files: TrainingFiles) -> list[Callback]:
    """Callbacks that write the best and the last checkpoint."""
    options: dict[str, Any] = {"dirpath": files.folder, "enable_version_counter": False}
    return [
        Checkpoints(filename=files.best.stem, monitor="val_loss", save_weights_only=True, **options),
        Checkpoints(filename=files.last.stem, every_n_epochs=1, **options),
    ]


class Checkpoints(ModelCheckpoint):
    """Checkpoints that a resumed run finds again when its folder was moved or has another name on this machine.

    Otherwise Lightning forgets the lowest loss, and the next epoch replaces the best one, however bad it is.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Replace the recorded folder by the present one."""
        here = {key: self._here(state_dict[key]) for key in state_dict if key.endswith("_path")}
        models = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | here | {"best_k_models": models, "dirpath": self.dirpath})

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path


def single_process() -> LightningEnvironment:
    """A run is one process, also inside a SLURM job with several tasks."""
    return LightningEnvironment()


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all, also if the process is killed."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a temporary file beside `path`, then rename it; Lightning would go through another file system."""
        write_checkpoint(Path(path), checkpoint)


class Patience(EarlyStopping):
    """Early stopping that holds for a resumed run: a training that had ended does not go on."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop at once if patience had run out when the run was interrupted."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def quiet_lightning() -> None:
    """Silence Lightning's messages about hardware, loaders and folders, which it repeats in every fold."""
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
    """One line per training: epochs, longest time left for it and for all others, validation loss and its minimum."""

    def __init__(self, title: str, n_after: int = 0) -> None:
        """Take the bar's title and the number of trainings to come."""
        super().__init__()
        self.title, self.n_after = title, n_after
        self.bar: tqdm | None = None
        self.lowest = float("inf")

    def disable(self) -> None:
        """Show nothing; Lightning calls this in processes that do not show progress."""
        self._silent = True

    def enable(self) -> None:
        """The counterpart of `disable`."""
        self._silent = False

    _silent = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start at the epoch at which an interrupted run ended."""
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
        """Count an epoch."""
        loss = trainer.callback_metrics.get("val_loss")
        if self.bar is None or loss is None:
            return
        self.lowest = min(self.lowest, float(loss))
        self.bar.update()
        losses = f"val_loss {float(loss):.3f} ≥ {self.lowest:.3f}"
        self.bar.set_postfix_str(self._all_left(self.bar) + losses, refresh=False)

    def _all_left(self, bar: tqdm) -> str:
        """Time until all trainings to come have ended, if none stops early."""
        if not self.n_after:
            return ""
        epochs = bar.total - bar.n + self.n_after * bar.total
        return f"all <{tqdm.format_interval(epochs * bar.format_dict['elapsed'] / (bar.n - bar.initial))}, "

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Close the bar; its line stays."""
        if self.bar is not None:
            self.bar.close()
