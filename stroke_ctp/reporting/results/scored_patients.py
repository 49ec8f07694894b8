"""The patients that a model is evaluated on, with their predictions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from stroke_ctp.statistics.auc import AUC, average, roc_auc
from stroke_ctp.statistics.labels import Labels, Scores
from stroke_ctp.statistics.resampling import BootstrapAuc, bootstrap_auc
from stroke_ctp.study.predictions import ModelPredictions, labels_and_scores

Split = Literal["test", "external"]
"""The patients of all test folds, each predicted by the model of the fold; or external patients, by the ensemble."""


@dataclass(frozen=True)
class ScoredPatients:
    """Predictions of one model for one cohort, one entry per patient; after several seeds, means of their networks."""

    split: Split
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    """Test fold of each patient; `mean` for the ensemble."""
    core_ml: Float[np.ndarray, " patient"]
    """Core volume [mL], NaN if unknown."""
    labels: Labels
    scores: Scores
    test_to_train: float | None = None
    """Test patients of a fold divided by its training patients, on average; None for external patients."""
    fold_aucs: Mapping[str, AUC] = field(default_factory=dict)
    """AUC in every fold, mean of the seeds' networks."""

    @classmethod
    def of(cls, split: Split, predictions: pd.DataFrame, test_to_train: float | None = None) -> "ScoredPatients":
        """Patients of a table of predictions, in the table's order."""
        by_fold = predictions.groupby("fold", sort=False)
        fold_aucs = {
            str(fold): average([roc_auc(*labels_and_scores(one)) for one in of_seeds(rows)]) for fold, rows in by_fold
        }
        rows = mean_of_seeds(predictions)
        labels, scores = labels_and_scores(rows)
        names, folds = (tuple(map(str, rows[column])) for column in ("patient", "fold"))
        core_ml = rows["core_ml"].to_numpy(float)
        return cls(split, names, folds, core_ml, labels, scores, test_to_train, fold_aucs)

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def n_large(self) -> int:
        """Number of patients with a large core."""
        return int(self.labels.sum())

    @property
    def n_small(self) -> int:
        """Number of patients with a small core."""
        return len(self) - self.n_large

    @cached_property
    def bootstrap(self) -> BootstrapAuc:
        """AUC of the cohort's bootstrap samples, computed once for the interval and for all comparisons."""
        return bootstrap_auc(self.labels, self.scores)

    def members_of_folds(self) -> Iterator[Bool[np.ndarray, " patient"]]:
        """Which patients belong to each fold, in the order of the folds."""
        folds = np.array(self.folds)
        for fold in dict.fromkeys(self.folds):
            yield folds == fold

    def in_order_of(self, other: "ScoredPatients") -> "ScoredPatients":
        """The same patients in the order in which another model has them."""
        if self.patients == other.patients:
            return self
        row = {patient: number for number, patient in enumerate(self.patients)}
        rows = [row[patient] for patient in other.patients]
        folds = tuple(self.folds[number] for number in rows)
        return replace(
            self,
            patients=other.patients,
            folds=folds,
            core_ml=self.core_ml[rows],
            labels=self.labels[rows],
            scores=self.scores[rows],
        )


def scored_cohorts(predictions: ModelPredictions) -> tuple[ScoredPatients, ...]:
    """The patients that a model is judged by: those of the test folds, and external ones if the ensemble was run."""
    test = ScoredPatients.of("test", predictions.test, predictions.test_to_train)
    return (test,) if predictions.ensemble is None else (test, ScoredPatients.of("external", predictions.ensemble))


def mean_of_seeds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with one row per patient: the mean probability of the networks of all seeds."""
    if predictions["patient"].is_unique:
        return predictions
    means = predictions.groupby("patient")["probability"].mean()
    first = predictions.drop_duplicates("patient")
    return first.assign(probability=first["patient"].map(means))


def of_seeds(predictions: pd.DataFrame) -> list[pd.DataFrame]:
    """Predictions of every seed; all of them where no seed is told."""
    return [rows for _, rows in predictions.groupby("seed")] if "seed" in predictions else [predictions]
