"""Patients classified as large or small, at thresholds that come from validation patients alone.

A test fold uses the threshold of its own validation fold and the same model (after several seeds, the mean of their
networks), so no patient influences the threshold that is applied to the patient. Every member of the ensemble uses the
threshold of all validation predictions together, and the ensemble calls a core large if more than half of its members
do. A threshold of single models cannot be applied to their mean, whose probabilities spread less: an aimed sensitivity
of 0.90 became 0.98, and the false positives rose likewise, where votes of the members kept both
(`stroke_ctp.benchmarks.ensemble_thresholds`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from stroke_ctp.reporting.results.scored_patients import ScoredPatients, mean_of_seeds
from stroke_ctp.statistics.operating_points import (
    Confusion,
    Rates,
    Threshold,
    confusion,
    is_majority,
    rates,
    threshold_at,
)
from stroke_ctp.study.ensemble_folder import MEAN
from stroke_ctp.study.predictions import ModelPredictions, labels_and_scores


@dataclass(frozen=True)
class ValidationThreshold:
    """A threshold and the number of validation patients that it was chosen on."""

    n_patients: int
    threshold: Threshold


@dataclass(frozen=True)
class PredictedClasses:
    """Predicted classes of one cohort at one operating point."""

    patients: ScoredPatients
    classified: Bool[np.ndarray, " patient"]
    """False for patients of a fold whose validation patients define no threshold."""
    large: Bool[np.ndarray, " patient"]
    """Whether the patient is classified as large; False for patients who are not classified."""
    wrong: Bool[np.ndarray, " patient"]
    """Whether the patient is classified and the class is wrong."""
    counts: Confusion
    """Of the patients who are classified."""
    rates: Rates


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds of one operating point, and the classes that they give."""

    sensitivity: float | None
    """Sensitivity that the threshold is to reach on validation patients; None for Youden's point."""
    fold_thresholds: tuple[ValidationThreshold, ...]
    ensemble_threshold: ValidationThreshold
    """That every member of the ensemble applies."""
    classes: tuple[PredictedClasses, ...]
    """Of the test patients and, if the ensemble was run, of the external patients."""
    reached: tuple[Rates, ...]
    """For each of these, what the same thresholds reach on the validation patients that they were chosen on."""


def operating_point(
    predictions: ModelPredictions, cohorts: Sequence[ScoredPatients], sensitivity: float | None
) -> OperatingPoint:
    """Choose thresholds on a model's validation patients and apply them to its test and external patients.

    Args:
        predictions: The model's predictions.
        cohorts: The model's test and external patients.
        sensitivity: Sensitivity of the threshold on the validation patients; None for Youden's threshold.
    """
    validation = predictions.validation
    ensemble, validated = _threshold(validation, sensitivity), ScoredPatients.of("test", validation)
    folds = [mean_of_seeds(validation[validation["fold"] == fold]) for fold in range(predictions.n_folds)]
    by_fold = {str(fold): _threshold(rows, sensitivity) for fold, rows in enumerate(folds)}
    classes, reached = [], []
    for patients in cohorts:
        if patients.split == "test":
            classes.append(_of_folds(patients, by_fold))
            reached.append(_of_folds(validated, by_fold).rates)
        else:
            assert predictions.external is not None, "the ensemble has scored external patients"
            members = predictions.external[predictions.external["fold"] != MEAN]
            classes.append(_of_majority(patients, members, ensemble))
            reached.append(_of_majority(validated, validation, ensemble).rates)
    return OperatingPoint(sensitivity, tuple(by_fold.values()), ensemble, tuple(classes), tuple(reached))


def _threshold(validation: pd.DataFrame, sensitivity: float | None) -> ValidationThreshold:
    labels, scores = labels_and_scores(validation)
    return ValidationThreshold(validation["patient"].nunique(), threshold_at(labels, scores, sensitivity))


def _of_folds(patients: ScoredPatients, chosen: Mapping[str, ValidationThreshold]) -> PredictedClasses:
    """Patients called at the threshold of their fold."""
    values = [chosen[fold].threshold.value for fold in patients.folds]
    threshold: Float[np.ndarray, " patient"] = np.array([np.nan if value is None else value for value in values])
    return _classes(patients, ~np.isnan(threshold), patients.scores > threshold)


def _of_majority(patients: ScoredPatients, members: pd.DataFrame, chosen: ValidationThreshold) -> PredictedClasses:
    """Patients called by the majority of the networks that scored them: all members, or one per seed."""
    value = chosen.threshold.value
    everybody = np.ones(len(patients), dtype=bool)
    if value is None:
        return _classes(patients, ~everybody, ~everybody)
    votes = (members["probability"] > value).groupby(members["patient"].astype(str)).mean()
    return _classes(patients, everybody, is_majority(votes.reindex(list(patients.patients)).to_numpy()))


def _classes(
    patients: ScoredPatients, classified: Bool[np.ndarray, " patient"], large: Bool[np.ndarray, " patient"]
) -> PredictedClasses:
    wrong = classified & (large != (patients.labels == 1))
    counts = confusion(patients.labels[classified], large[classified])
    return PredictedClasses(patients, classified, large, wrong, counts, rates(counts))
