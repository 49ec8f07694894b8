"""Where a training logs its losses."""

import os
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.settings import TrainSettings


def build_logger(settings: TrainSettings, folder: Path) -> Logger:
    """The logger of one run.

    Args:
        settings: Of the run.
        folder: Of the run.

    Raises:
        UserError: The logger's package is not installed.
    """
    try:
        if settings.logger == "tensorboard":
            return TensorBoardLogger(folder, name="logs")
        if settings.logger == "mlflow":
            return MLFlowLogger(
                tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", f"file:{settings.outputs}/mlruns"),
                experiment_name=settings.name,
                run_name=f"{settings.model_name}-fold-{settings.fold}",
            )
        return CSVLogger(folder, name="logs")
    except ModuleNotFoundError:
        extra = settings.logger
        raise UserError(f"logger={extra} needs a package: pip install '.[{extra}]', or choose logger=csv") from None
