"""AUCs and ROC curves of a model, within folds and over whole cohorts."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stroke_ctp.reporting.results.scored_patients import ScoredPatients, of_seeds, scored_cohorts
from stroke_ctp.reporting.results.seeds import Seeds, seeds_of
from stroke_ctp.statistics.auc import AUC, FoldSummary, average, roc_auc, summarize
from stroke_ctp.statistics.delong import auc_estimate
from stroke_ctp.statistics.fold_means import mean_auc, mean_over_folds
from stroke_ctp.statistics.interval_estimates import Estimate, TEstimate
from stroke_ctp.statistics.labels import missing_class
from stroke_ctp.statistics.roc_curves import GRID, MeanCurve, RocCurve, mean_curve, roc_curve
from stroke_ctp.study.ensemble_folder import MEAN
from stroke_ctp.study.predictions import ModelPredictions, labels_and_scores


@dataclass(frozen=True)
class FoldAucs:
    """AUC within each fold of one split, folds 0 … n − 1, mean over seeds; undefined in a fold without both classes."""

    aucs: tuple[AUC, ...]
    by_seed: Mapping[int, tuple[AUC, ...]]
    """The same of every seed."""
    summary: FoldSummary
    mean: TEstimate
    """Mean over folds with the corrected resampled standard error."""
    interval: Estimate
    """The same with its 95 % confidence interval, whose bound is conservative where all folds have an AUC of 1."""
    curves: tuple[RocCurve, ...]
    """Of the folds that have both classes; after several seeds their mean in each fold."""
    mean_curve: MeanCurve | None
    """None if no fold has both classes."""


@dataclass(frozen=True)
class CohortAuc:
    """AUC of one ROC curve of all patients of one cohort."""

    patients: ScoredPatients
    auc: AUC
    delong: Estimate
    """With DeLong's confidence interval."""
    curve: RocCurve | None
    """None if a class is missing."""


@dataclass(frozen=True)
class ModelAucs:
    """AUCs of one model."""

    predictions: ModelPredictions
    validation_folds: FoldAucs
    test_folds: FoldAucs
    test: CohortAuc
    """All test folds pooled."""
    external: CohortAuc | None
    """The ensemble on the external cohort; None if it was not run."""
    members: tuple[tuple[str, Estimate], ...]
    """Name of every member of the ensemble, and its AUC on the external cohort with DeLong's interval."""
    seeds: Seeds | None
    """What makes the trainings of several seeds differ; None of a single seed, or where a fold has no AUC."""

    @property
    def cohorts(self) -> tuple[CohortAuc, ...]:
        """Test patients, and external ones if the ensemble was run."""
        return (self.test,) if self.external is None else (self.test, self.external)


def model_aucs(predictions: ModelPredictions) -> ModelAucs:
    """Compute all AUCs of one model."""
    test, *external = (_cohort_auc(patients) for patients in scored_cohorts(predictions))
    test_folds = fold_aucs(predictions, "test")
    return ModelAucs(
        predictions,
        validation_folds=fold_aucs(predictions, "validation"),
        test_folds=test_folds,
        test=test,
        external=external[0] if external else None,
        members=_member_aucs(predictions),
        seeds=seeds_of(predictions, test_folds.by_seed),
    )


def fold_aucs(predictions: ModelPredictions, split: str) -> FoldAucs:
    """AUC and ROC curve of each validation or test fold; a fold without patients has none."""
    rows = predictions.folds[predictions.folds["split"] == split]
    folds = [rows[rows["fold"] == fold] for fold in range(predictions.n_folds)]
    by_seed = {
        seed: tuple(roc_auc(*labels_and_scores(fold[fold["seed"] == seed])) for fold in folds)
        for seed in predictions.seeds
    }
    aucs = tuple(map(average, zip(*by_seed.values(), strict=True)))
    curves = tuple(_curve(fold) for fold, auc in zip(folds, aucs, strict=True) if auc.value is not None)
    values = [auc.value for auc in aucs if auc.value is not None]
    smaller = [min(auc.n_large, auc.n_small) for auc in aucs if auc.value is not None]
    ratio = predictions.test_to_train
    return FoldAucs(
        aucs,
        by_seed,
        summarize(aucs),
        mean_over_folds(values, ratio),
        mean_auc(values, smaller, ratio),
        curves,
        mean_curve(curves) if curves else None,
    )


def _curve(fold: pd.DataFrame) -> RocCurve:
    """ROC curve of one fold; after several seeds the mean of theirs."""
    curves = [roc_curve(*labels_and_scores(rows)) for rows in of_seeds(fold)]
    return curves[0] if len(curves) == 1 else RocCurve(GRID, mean_curve(curves).mean)


def _member_aucs(predictions: ModelPredictions) -> tuple[tuple[str, Estimate], ...]:
    if predictions.external is None:
        return ()
    by_member = predictions.external.groupby("fold", sort=False)
    return tuple((str(fold), auc_estimate(*labels_and_scores(rows))) for fold, rows in by_member if fold != MEAN)


def _cohort_auc(patients: ScoredPatients) -> CohortAuc:
    labels, scores = patients.labels, patients.scores
    curve = None if missing_class(labels) else roc_curve(labels, scores)
    return CohortAuc(patients, roc_auc(labels, scores), auc_estimate(labels, scores), curve)
