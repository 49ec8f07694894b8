"""How the runs of a study were fitted: epochs, losses, duration and software."""

from dataclasses import dataclass

import pandas as pd

from stroke_ctp.common.provenance import RunProvenance
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.run_folder import RunFolder


@dataclass(frozen=True)
class TrainingSummary:
    """One run of one model."""

    model: str
    seed: int
    fold: int
    member: str
    """Name of the run among those of its model."""
    epochs: int | None
    """None for a model that has no epochs."""
    best_epoch: int | None
    """Epoch whose weights are used, from 0."""
    losses: pd.DataFrame | None
    """Columns epoch, train_loss and val_loss; None if no CSV log was kept."""
    provenance: RunProvenance
    not_measurable: int
    """Patients of the cohort that a conventional model could not measure."""


def training_summaries(study: Study) -> list[TrainingSummary]:
    """All complete runs of all models, in the order of models, seeds and folds."""
    return [_summary(run) for model in study.models.values() for run in model.runs.values()]


def _summary(run: RunFolder) -> TrainingSummary:
    record = run.record()
    return TrainingSummary(
        record.model,
        record.seed,
        record.fold,
        run.member,
        record.fitted.get("epochs"),
        record.fitted.get("best_epoch"),
        run.training.losses(),
        run.provenance(),
        record.fitted.get("not_measurable", 0),
    )
