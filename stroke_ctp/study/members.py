"""Fitted models of a study, loaded from their runs."""

from dataclasses import replace

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.build import build_model
from stroke_ctp.model.protocol import FittedModel, Model
from stroke_ctp.study.run_folder import RunFolder


def load_member(run: RunFolder) -> FittedModel:
    """The model that a run has fitted, on this machine's hardware.

    Raises:
        UserError: A file is missing or damaged, or the encoder's weights are no longer those of the training.
    """
    return fitted_model(model_of(run), run)


def model_of(run: RunFolder) -> Model:
    """The model of a run, on this machine's hardware; all folds of a study share it.

    Raises:
        UserError: A file is missing or damaged, or the encoder's weights are no longer those of the training.
    """
    recorded, record = run.settings(), run.record()
    here = replace(recorded, outputs=run.outputs, trainer=replace(recorded.trainer, accelerator="auto"))
    model = build_model(here)
    found = model.encoder_provenance()
    if found != record.encoder:
        assert found is not None
        assert record.encoder is not None
        raise UserError(
            f"{run.path} was trained with encoder weights {record.encoder.sha256[:12]}…, but "
            f"encoder.weights={recorded.encoder.weights} are now {found.sha256[:12]}…; "
            "restore those weights or train again"
        )
    return model


def fitted_model(model: Model, run: RunFolder) -> FittedModel:
    """What a run of this model has fitted.

    Raises:
        UserError: A file is missing or damaged.
    """
    return model.load(run.training, run.record().fitted)
