"""All results of a study, each computed once; a report only formats them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.reporting.results.comparisons import Comparison, Pair, comparisons
from stroke_ctp.reporting.results.model_aucs import CohortAuc, ModelAucs, model_aucs
from stroke_ctp.reporting.results.operating_points import OperatingPoint, operating_point
from stroke_ctp.reporting.results.permutations import Permutations, permutations_of
from stroke_ctp.reporting.results.recalibration import RecalibratedCohort, recalibrated_cohorts
from stroke_ctp.reporting.results.scored_patients import ScoredPatients, Split
from stroke_ctp.reporting.results.subgroups import Subgroups, subgroup_aucs
from stroke_ctp.reporting.results.volume_agreement import VolumeAgreement, volume_agreement
from stroke_ctp.reporting.results.volume_errors import DistanceBand, volume_errors
from stroke_ctp.statistics.calibration import Brier, ReliabilityGroup, brier, intercept, reliability_curve, slope
from stroke_ctp.statistics.decision_curve import DecisionCurve, decision_curve
from stroke_ctp.statistics.interval_estimates import Estimate, PValue
from stroke_ctp.statistics.resampling import permutation_p, roc_band
from stroke_ctp.statistics.roc_curves import GRID, RocCurve, roc_curve
from stroke_ctp.statistics.smooth_calibration import (
    SmoothCalibration,
    integrated_calibration_index,
    smooth_calibration,
)
from stroke_ctp.study.ensemble_folder import MEAN
from stroke_ctp.study.predictions import ModelPredictions, Study, labels_and_scores


@dataclass(frozen=True)
class CohortResults:
    """Results of one model on one cohort."""

    patients: ScoredPatients
    auc: CohortAuc
    bootstrap: Estimate
    """AUC with the bootstrap's confidence interval."""
    against_chance: PValue
    """Two-sided, of the mean AUC over folds, by permuting the classes within folds."""
    brier: Brier
    slope: Estimate
    intercept: Estimate
    ici: float | None
    """Integrated calibration index; None if there are too few different probabilities."""
    reliability: tuple[ReliabilityGroup, ...]
    decision: DecisionCurve


@dataclass(frozen=True)
class ModelResults:
    """Results of one model."""

    aucs: ModelAucs
    cohorts: tuple[CohortResults, ...]
    """Test patients, and external ones if the ensemble was run."""
    permutations: Permutations | None
    """Trainings on permuted classes; None if there are none."""
    youden: OperatingPoint
    sensitive: OperatingPoint
    """The operating point of a given sensitivity."""
    recalibrated: tuple[RecalibratedCohort, ...]
    """The same cohorts after recalibration; none if that is undefined."""

    @property
    def predictions(self) -> ModelPredictions:
        """The predictions that the results are of."""
        return self.aucs.predictions


@dataclass(frozen=True)
class EnsembleCurves:
    """ROC curves of the main model's members on the external cohort, and the band of the ensemble's curve."""

    members: tuple[RocCurve, ...]
    band_low: Float[np.ndarray, " grid"]
    """Pointwise 95 % bootstrap band on `GRID`."""
    band_high: Float[np.ndarray, " grid"]


@dataclass(frozen=True)
class StudyResults:
    """Results of all models of a study, in display order, and what is shown of the main model alone."""

    study: Study
    models: Mapping[str, ModelResults]
    comparisons: tuple[Comparison, ...]
    """The main model against each other model."""
    margin: float
    """Largest difference of the AUC that is regarded as irrelevant."""
    smooth_calibration: tuple[SmoothCalibration | None, ...]
    """Of the main model on each of its cohorts; None if there are too few different probabilities."""
    ensemble_curves: EnsembleCurves | None
    """None if there is no external cohort of both classes."""
    volume_errors: tuple[DistanceBand, ...] | None
    """None if the classes are not of core volumes, or volumes are unknown."""
    volume_agreement: tuple[VolumeAgreement, ...]
    """Of the models that predict volumes."""
    subgroups: Subgroups | None
    """None if no subgroups were asked for, or no cohort is known."""

    @property
    def main(self) -> ModelResults:
        """The model that the report is about."""
        return self.models[self.study.main.name]


def study_results(
    study: Study,
    sensitivity: float,
    margin: float,
    subgroup: str | None = None,
    cohort_tables: Mapping[Split, pd.DataFrame] | None = None,
) -> StudyResults:
    """Compute all results of a study.

    Args:
        study: Predictions of all models.
        sensitivity: Sensitivity of the second operating point on validation patients.
        margin: Largest difference of the AUC that is regarded as irrelevant.
        subgroup: Column of `cohort.csv` whose groups are compared.
        cohort_tables: `cohort.csv` of the cohorts that are known.

    Raises:
        UserError: No cohort has the subgroups' column.
    """
    models = {name: _model_results(predictions, sensitivity) for name, predictions in study.models.items()}
    main = models[study.main.name]
    cohorts = [cohort.patients for cohort in main.cohorts]
    return StudyResults(
        study,
        models,
        comparisons=_comparisons(models, study.main.name, margin),
        margin=margin,
        smooth_calibration=tuple(smooth_calibration(one.labels, one.scores) for one in cohorts),
        ensemble_curves=_ensemble_curves(main.aucs),
        volume_errors=volume_errors(main.predictions, main.youden.classes),
        volume_agreement=volume_agreement(study.models.values()),
        subgroups=subgroup_aucs(subgroup, cohort_tables or {}, cohorts) if subgroup else None,
    )


def _model_results(predictions: ModelPredictions, sensitivity: float) -> ModelResults:
    aucs = model_aucs(predictions)
    patients = [cohort.patients for cohort in aucs.cohorts]
    return ModelResults(
        aucs,
        cohorts=tuple(map(_cohort_results, aucs.cohorts)),
        permutations=permutations_of(predictions),
        youden=operating_point(predictions, patients, None),
        sensitive=operating_point(predictions, patients, sensitivity),
        recalibrated=recalibrated_cohorts(predictions),
    )


def _cohort_results(auc: CohortAuc) -> CohortResults:
    patients = auc.patients
    labels, scores = patients.labels, patients.scores
    return CohortResults(
        patients,
        auc,
        bootstrap=patients.bootstrap.estimate,
        against_chance=permutation_p([(labels[rows], scores[rows]) for rows in patients.members_of_folds()]),
        brier=brier(labels, scores),
        slope=slope(labels, scores),
        intercept=intercept(labels, scores),
        ici=integrated_calibration_index(labels, scores),
        reliability=reliability_curve(labels, scores),
        decision=decision_curve(labels, scores),
    )


def _comparisons(models: Mapping[str, ModelResults], main: str, margin: float) -> tuple[Comparison, ...]:
    """Comparisons of a study, corrected together."""
    pairs = [
        Pair(main, other, ours.patients, theirs.patients)
        for other in models
        if other != main
        # a model may have no ensemble
        for ours, theirs in zip(models[main].cohorts, models[other].cohorts, strict=False)
    ]
    return comparisons(pairs, margin)


def _ensemble_curves(main: ModelAucs) -> EnsembleCurves | None:
    external = main.predictions.external
    if main.external is None or main.external.curve is None or external is None:
        return None
    patients = main.external.patients
    members = [labels_and_scores(rows) for fold, rows in external.groupby("fold") if fold != MEAN]
    low, high = roc_band(patients.labels, patients.scores, GRID)
    return EnsembleCurves(tuple(roc_curve(*member) for member in members), low, high)
