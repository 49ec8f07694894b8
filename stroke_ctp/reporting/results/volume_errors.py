"""Wrong calls by the distance of the core volume from the class threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stroke_ctp.reporting.results.operating_points import Calls
from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.operating_points import proportion
from stroke_ctp.study.predictions import ModelPredictions

_DISTANCES_ML = (0, 5, 10, 20, 40, np.inf)
"""Limits of the bands of distance [mL]."""


@dataclass(frozen=True)
class ErrorShare:
    """Share of wrong calls among the patients of one cohort in one band."""

    split: Split
    n: int
    """Patients who are called."""
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


def volume_errors(predictions: ModelPredictions, calls: Sequence[Calls]) -> tuple[DistanceBand, ...] | None:
    """Share of wrong calls in each band; None if the classes are not of core volumes, or volumes are unknown."""
    endpoint = predictions.record.endpoint
    if endpoint.column != "core_ml" or predictions.test["core_ml"].isna().any():
        return None
    return tuple(
        DistanceBand(low, high, tuple(_share(each, endpoint.threshold, low, high) for each in calls))
        for low, high in pairwise(_DISTANCES_ML)
    )


def _share(calls: Calls, threshold_ml: float | int, low: float | int, high: float | int) -> ErrorShare:
    away = np.abs(calls.patients.core_ml - threshold_ml)
    here = calls.called & (away > low if low else away >= 0) & (away <= high)
    n = int(here.sum())
    return ErrorShare(calls.patients.split, n, proportion(int((here & calls.wrong).sum()), n, "no patients"))
