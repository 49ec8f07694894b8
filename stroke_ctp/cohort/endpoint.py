"""The endpoint: classes above and below a threshold."""

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Int

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError


@dataclass(frozen=True)
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
    def of(cls, cohort: Cohort, column: str = "core_ml", threshold: str | float | int = "median") -> "Endpoint":
        """Define an endpoint on a training cohort.

        Args:
            cohort: All its patients.
            column: Of `cohort.csv`, with a number for every patient.
            threshold: `median` of the cohort, or a number.

        Raises:
            UserError: No such column or rule, or a class is left empty.
        """
        if threshold != "median" and not isinstance(threshold, int | float):
            raise UserError(f"endpoint.threshold must be `median` or a number, got {threshold!r}")
        values = cohort.column(column)
        endpoint = cls(column, threshold, float(np.median(values) if threshold == "median" else threshold))
        if endpoint.labels(cohort).sum() in (0, len(cohort)):
            raise UserError(
                f"endpoint.threshold={threshold} leaves one class empty: {column} runs from "
                f"{values.min():g} to {values.max():g}"
            )
        return endpoint

    def labels(self, cohort: Cohort) -> Int[np.ndarray, " patient"]:
        """Class of each patient: 1 above the threshold, 0 on it or below."""
        return (cohort.column(self.column) > self.threshold).astype(np.int64)

    def as_dict(self) -> dict[str, str | float | int]:
        """For JSON."""
        return asdict(self)
