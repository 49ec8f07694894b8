"""The endpoint: classes above and below a threshold."""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Int
from pydantic.dataclasses import dataclass

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import STRICT, Text


@dataclass(frozen=True, config=STRICT)
class EndpointSettings:
    """How the classes are defined on a training cohort."""

    column: Text = "core_ml"
    """Column of `cohort.csv`, with a number for every patient."""
    threshold: Literal["median"] | float = "median"
    """Large is above it: median of the whole training cohort, or a number in the column's unit (core_ml: [mL])."""


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A column of the cohort and the threshold that divides it.

    Defined on the training cohort, as in the article, and carried with the trained network to others.
    """

    column: str
    rule: str | float | int
    """How the threshold was found: `median`, or the number itself."""
    threshold: float
    """In the column's unit, for core volume [mL]."""

    @classmethod
    def of(cls, cohort: Cohort, settings: EndpointSettings | None = None) -> "Endpoint":
        """Define an endpoint on a training cohort.

        Args:
            cohort: All its patients.
            settings: Column and threshold; by default `EndpointSettings()`.

        Raises:
            UserError: The cohort has no such column, or a class is empty.
        """
        column, threshold = (settings or EndpointSettings()).column, (settings or EndpointSettings()).threshold
        values = cohort.column(column)
        endpoint = cls(column, threshold, float(np.median(values) if threshold == "median" else threshold))
        if endpoint.labels(cohort).sum() in (0, len(cohort)):
            low, high = float(values.min()), float(values.max())
            found = (
                f"runs from {low:g} to {high:g}; choose a threshold between"
                if low < high
                else f"is {low:g} in all patients; choose another endpoint.column"
            )
            raise UserError(f"endpoint.threshold={threshold} leaves one class empty: {column} {found}")
        return endpoint

    def labels(self, cohort: Cohort) -> Int[np.ndarray, " patient"]:
        """Class of each patient: 1 above the threshold, 0 on it or below."""
        return (cohort.column(self.column) > self.threshold).astype(np.int64)
