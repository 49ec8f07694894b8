"""Where a training logs its losses."""

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
                experiment_name=settings.name,
                run_name=f"{settings.model_name}-fold-{settings.fold}",
                tracking_uri=f"file:{settings.outputs}/mlruns",
                save_dir=str(folder),
            )
        return CSVLogger(folder, name="logs")
    except ModuleNotFoundError as error:
        raise UserError(f"{' '.join(str(error).split())}; or choose another logger") from None
