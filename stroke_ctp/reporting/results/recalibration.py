"""Calibration before and after recalibration, and what declining the least certain patients buys.

The recalibration of a test fold is fitted on the test folds of the others, that of external patients on all test
folds; no patient's own probability takes part in the recalibration by which the patient is judged.
"""

from dataclasses import dataclass

import numpy as np

from stroke_ctp.reporting.results.scored_patients import ScoredPatients, scored_cohorts
from stroke_ctp.statistics.calibration import brier, intercept, slope
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.labels import Labels, Scores
from stroke_ctp.statistics.recalibration import Platt, cross_fitted
from stroke_ctp.statistics.risk_coverage import CoveragePoint, area_under_risk, risk_coverage
from stroke_ctp.statistics.smooth_calibration import integrated_calibration_index
from stroke_ctp.study.ensemble_folder import MEAN
from stroke_ctp.study.predictions import ModelPredictions, labels_and_scores


@dataclass(frozen=True)
class CalibrationMeasures:
    """How well probabilities agree with the classes."""

    brier: float
    slope: Estimate
    intercept: Estimate
    ici: float | None
    """Integrated calibration index; None if there are too few different probabilities."""

    @classmethod
    def of(cls, labels: Labels, scores: Scores) -> "CalibrationMeasures":
        """Measure some patients."""
        index = integrated_calibration_index(labels, scores)
        return cls(brier(labels, scores).score, slope(labels, scores), intercept(labels, scores), index)


@dataclass(frozen=True)
class RecalibratedCohort:
    """One cohort's probabilities after recalibration."""

    patients: ScoredPatients
    """With the probabilities before it."""
    calibrated: Scores
    before: CalibrationMeasures
    after: CalibrationMeasures
    coverage: tuple[CoveragePoint, ...]
    """Wrong classes (calibrated probability above or below 1/2) among the patients farthest from 1/2."""
    area: float
    """Mean of wrong classes over all coverages."""

    @classmethod
    def of(cls, patients: ScoredPatients, calibrated: Scores) -> "RecalibratedCohort":
        """Measure a cohort."""
        wrong = (calibrated > 0.5) != (patients.labels == 1)
        confidence = np.abs(calibrated - 0.5)
        return cls(
            patients,
            calibrated,
            CalibrationMeasures.of(patients.labels, patients.scores),
            CalibrationMeasures.of(patients.labels, calibrated),
            risk_coverage(wrong, confidence),
            area_under_risk(wrong, confidence),
        )


def recalibrated_cohorts(predictions: ModelPredictions) -> tuple[RecalibratedCohort, ...]:
    """Test patients and, if the ensemble was run, external ones; none if some test folds hold one class alone."""
    test, *external = scored_cohorts(predictions)
    by_fold = cross_fitted(test.labels, test.scores, np.array(test.folds))
    platt = Platt.fit(*labels_and_scores(predictions.test))
    if by_fold is None or platt is None:
        return ()
    others = [RecalibratedCohort.of(one, _of_members(predictions, one, platt)) for one in external]
    return (RecalibratedCohort.of(test, by_fold), *others)


def _of_members(predictions: ModelPredictions, patients: ScoredPatients, platt: Platt) -> Scores:
    """Mean of the members, each calibrated as a single model is."""
    assert predictions.external is not None, "the ensemble has scored external patients"
    members = predictions.external[predictions.external["fold"] != MEAN].astype({"patient": str})
    table = members.pivot(index="fold", columns="patient", values="probability")[list(patients.patients)]
    mean: Scores = platt.of(table.to_numpy()).mean(axis=0)
    return mean
