"""AUCs and ROC curves of a model, within folds and over whole cohorts."""

from dataclasses import dataclass

from stroke_ctp.reporting.results.scored_patients import ScoredPatients, scored_cohorts
from stroke_ctp.statistics.auc import AUC, FoldSummary, roc_auc, summarize
from stroke_ctp.statistics.delong import auc_estimate
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.labels import missing_class
from stroke_ctp.statistics.roc_curves import MeanCurve, RocCurve, mean_curve, roc_curve
from stroke_ctp.study.predictions import ModelPredictions, labels_and_scores


@dataclass(frozen=True)
class FoldAucs:
    """AUC within each fold of one split, folds 0 … n − 1; undefined in a fold without both classes."""

    aucs: tuple[AUC, ...]
    summary: FoldSummary
    curves: tuple[RocCurve, ...]
    """Of the folds that have both classes."""
    mean_curve: MeanCurve | None
    """None if no fold has both classes."""


@dataclass(frozen=True)
class CohortAuc:
    """AUC over all patients of one cohort."""

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

    @property
    def cohorts(self) -> tuple[CohortAuc, ...]:
        """Test patients, and external ones if the ensemble was run."""
        return (self.test,) if self.external is None else (self.test, self.external)


def model_aucs(predictions: ModelPredictions) -> ModelAucs:
    """Compute all AUCs of one model."""
    test, *external = (_cohort_auc(patients) for patients in scored_cohorts(predictions))
    return ModelAucs(
        predictions,
        validation_folds=fold_aucs(predictions, "validation"),
        test_folds=fold_aucs(predictions, "test"),
        test=test,
        external=external[0] if external else None,
    )


def fold_aucs(predictions: ModelPredictions, split: str) -> FoldAucs:
    """AUC and ROC curve of each validation or test fold; a fold without patients has none."""
    rows = predictions.folds[predictions.folds["split"] == split]
    folds = [labels_and_scores(rows[rows["fold"] == fold]) for fold in range(predictions.n_folds)]
    aucs = tuple(roc_auc(*fold) for fold in folds)
    curves = tuple(roc_curve(*fold) for fold in folds if not missing_class(fold[0]))
    return FoldAucs(aucs, summarize(aucs), curves, mean_curve(curves) if curves else None)


def _cohort_auc(patients: ScoredPatients) -> CohortAuc:
    labels, scores = patients.labels, patients.scores
    curve = None if missing_class(labels) else roc_curve(labels, scores)
    return CohortAuc(patients, roc_auc(labels, scores), auc_estimate(labels, scores), curve)
