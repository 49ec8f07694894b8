"""Fitted models of a study, loaded from their runs."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, Int

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.model.build import build_model
from stroke_ctp.model.protocol import FittedModel, Model
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.study.run_folder import RunFolder

if TYPE_CHECKING:
    from stroke_ctp.model.article import ArticleModel

Features = Float32[np.ndarray, "patient level time feature"]
"""Of the unaugmented draw, in the order of the cohort."""


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
    recorded, record, model = run.settings(), run.record(), build_model(settings_here(run))
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


def settings_here(run: RunFolder) -> TrainSettings:
    """Settings of a run for this machine's hardware and the folders in which its study and its feature cache are now.

    The folder of the cache that the run recorded is not followed: see `Elsewhere`.
    """
    recorded = run.settings()
    return replace(
        recorded,
        outputs=run.outputs,
        bank=replace(recorded.bank, folder=run.elsewhere.bank),
        trainer=replace(recorded.trainer, accelerator="auto"),
    )


def score_features(
    run: RunFolder, cohort: Cohort, features: Features, rows: Int[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """Probability of some patients from cached features with the weights of a network; it needs no encoder.

    Raises:
        UserError: A file is missing or damaged.
    """
    from stroke_ctp.model.article import ArticleModel  # loads Lightning, which takes seconds
    from stroke_ctp.model.fitted_article import ArticleEvidence

    fitted = fitted_model(ArticleModel(settings_here(run)), run)
    return fitted.score_evidence(ArticleEvidence(cohort, features), rows)


def first_epoch_model(run: RunFolder) -> "ArticleModel":
    """The network of a run, untrained, with settings that end its training after one epoch."""
    from stroke_ctp.model.article import ArticleModel

    settings = settings_here(run)
    return ArticleModel(replace(settings, trainer=replace(settings.trainer, max_epochs=1), logger="csv"))
