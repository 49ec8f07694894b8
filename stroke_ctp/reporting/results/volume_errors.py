"""Misclassified patients by the distance of the core volume from the class threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stroke_ctp.reporting.results.operating_points import PredictedClasses
from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.operating_points import proportion
from stroke_ctp.study.predictions import ModelPredictions

_DISTANCES_ML = (0, 5, 10, 20, 40, np.inf)
"""Limits of the bands of distance [mL]."""


@dataclass(frozen=True)
class ErrorShare:
    """Share of misclassified patients among those of one cohort in one band."""

    split: Split
    n: int
    """Patients who are classified."""
    wrong: Estimate


@dataclass(frozen=True)
class DistanceBand:
    """Patients whose core volume lies between `low` and `high` mL from the threshold."""

    low: float | int
    """Exclusive, except for 0 [mL]."""
    high: float | int
    """Inclusive [mL]."""
    shares: tuple[ErrorShare, ...]
    """One for each cohort."""


def volume_errors(
    predictions: ModelPredictions, classes: Sequence[PredictedClasses]
) -> tuple[DistanceBand, ...] | None:
    """Share of misclassified patients in each band; None if classes are not of core volumes, or volumes are unknown."""
    endpoint = predictions.record.endpoint
    if endpoint.column != "core_ml" or predictions.test["core_ml"].isna().any():
        return None
    return tuple(
        DistanceBand(low, high, tuple(_share(each, endpoint.threshold, low, high) for each in classes))
        for low, high in pairwise(_DISTANCES_ML)
    )


def _share(classes: PredictedClasses, threshold_ml: float | int, low: float | int, high: float | int) -> ErrorShare:
    away = np.abs(classes.patients.core_ml - threshold_ml)
    here = classes.classified & (away > low if low else away >= 0) & (away <= high)
    n = int(here.sum())
    return ErrorShare(classes.patients.split, n, proportion(int((here & classes.wrong).sum()), n, "no patients"))
