"""A model trained again on permuted classes: what its AUC is if nothing can be learned.

Classes are exchanged between all patients of the cohort, and everything after that is repeated: division into folds,
fit, choice of the epoch, test. The mean AUC of the true classes is one of these values if class and series have
nothing to do with each other, whatever the model and the division (P. Golland and B. Fischl, IPMI 2003).
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from stroke_ctp.cohort.folds import split
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.model.build import build_model
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.protocol import Fold, Model
from stroke_ctp.statistics.auc import roc_auc
from stroke_ctp.statistics.resampling import SEED
from stroke_ctp.study.members import settings_here
from stroke_ctp.study.run_folder import RunFolder


def permuted(labels: Int[np.ndarray, " patient"], number: int) -> Int[np.ndarray, " patient"]:
    """The classes of a cohort in one of many random orders, the same for all models."""
    return numpy_generator(SEED, Purpose.PERMUTED_TRAINING, number).permutation(labels)


def permuted_aucs(runs: Sequence[RunFolder], cohort: Cohort, number: int) -> list[float]:
    """AUC of every test fold after training on permuted classes; nothing is written.

    Args:
        runs: All folds of one model and seed, whose trainings are repeated.
        cohort: The training cohort.
        number: Which permutation.

    Raises:
        UserError: A training diverged, or this machine lacks what the model needs.
    """
    settings = replace(settings_here(runs[0]), logger="csv")
    labels, model = permuted(runs[0].record().endpoint.labels(cohort), number), build_model(settings)
    return [
        _auc(model, Fold(cohort, labels, split(labels, run.fold, settings.folds), run.fold, settings.folds.n))
        for run in runs
    ]


def _auc(model: Model, fold: Fold) -> float:
    test = fold.split.test
    with tempfile.TemporaryDirectory() as folder:
        fitted = model.fit(fold, TrainingFiles(Path(folder)), runs_to_come=None)
        scores = fitted.score(fold.cohort, test)
    if not np.isfinite(scores).all():
        raise UserError(f"fold {fold.number}: the training on permuted classes diverged; lower its learning_rate")
    auc = roc_auc(fold.labels[test], scores).value
    assert auc is not None, "folds are stratified by class"
    return auc
