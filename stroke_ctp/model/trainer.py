"""Lightning's trainer as this package uses it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.text import some
from stroke_ctp.model.classifier import CoreClassifier, Diverged
from stroke_ctp.model.data_modules import FoldDataModule
from stroke_ctp.model.protocol import Fold
from stroke_ctp.model.settings import TrainerSettings
from stroke_ctp.model.training_callbacks import AtomicCheckpoints, quiet_lightning, single_process


def build_trainer(settings: TrainerSettings, **options: Any) -> L.Trainer:
    """A trainer.

    Args:
        settings: Hardware and length of a training.
        **options: Callbacks, logger and folder.

    Raises:
        UserError: This machine lacks what the settings ask for.
    """
    quiet_lightning()
    try:
        return L.Trainer(
            **asdict(settings),
            num_sanity_val_steps=0,
            log_every_n_steps=1,  # epochs have few steps
            enable_model_summary=False,
            plugins=[single_process(), AtomicCheckpoints()],
            **options,
        )
    except (MisconfigurationException, ValueError) as error:
        raise UserError(f"trainer settings do not fit this machine: {' '.join(str(error).split())}") from None


def carry_out(
    trainer: L.Trainer, classifier: CoreClassifier, data: FoldDataModule, checkpoint: Path | None, fold: Fold
) -> None:
    """Train a classifier, from a checkpoint if there is one.

    Raises:
        KeyboardInterrupt: A signal ended the training.
        UserError: The loss of a batch is no number, or the features of patients are; names them.
    """
    try:
        trainer.fit(classifier, data, ckpt_path=checkpoint)
    except SystemExit as end:  # Lightning's reaction to Ctrl-C
        raise end.__context__ or KeyboardInterrupt from None
    except Diverged as found:
        names = some([fold.cohort.patients[row] for row in found.rows], len(found.rows))
        raise UserError(
            f"fold {fold.number}: the training diverged; choose another name and a lower learning_rate, or look at the "
            f"patients whose features or loss are no numbers in epoch {found.epoch}: {names}"
        ) from None
