"""Lightning's trainer as this package uses it."""

from dataclasses import asdict
from typing import Any

import lightning as L
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from stroke_ctp.common.errors import UserError
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
