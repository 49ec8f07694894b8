"""The range of a quantity in a cohort, and the distance of a patient from a cohort."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from pydantic.dataclasses import dataclass

from stroke_ctp.common.blas import one_blas_thread
from stroke_ctp.common.schemas import STRICT

if TYPE_CHECKING:
    from sklearn.covariance import LedoitWolf

Descriptors = Float[np.ndarray, "patient descriptor"]
_LEFT_OUT_FOLDS = 10


@dataclass(frozen=True, config=STRICT)
class Range:
    """Values that are not unusual; None where a side is open."""

    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Float[np.ndarray, " patient"], outside: float, low: bool, high: bool) -> "Range":
        """Range of a cohort's values, whose ends are values of patients.

        Args:
            values: One or more, none of them missing.
            outside: Largest share of the cohort that may lie beyond each end.
            low: Whether there is a lower end.
            high: Whether there is an upper end.
        """
        return cls(
            float(np.quantile(values, outside, method="lower")) if low else None,
            float(np.quantile(values, 1 - outside, method="higher")) if high else None,
        )

    def side(self, value: float) -> str:
        """`below` or `above` for a value outside; empty within.

        >>> Range(1.0, None).side(0.5), Range(1.0, None).side(9.0)
        ('below', '')
        """
        if self.low is not None and value < self.low:
            return "below"
        return "above" if self.high is not None and value > self.high else ""


def mahalanobis_cloud(descriptors: Descriptors) -> "LedoitWolf":
    """Mean and covariance of a cohort's descriptors, shrunk (O. Ledoit and M. Wolf, J. Multivar. Anal. 2004, 88, 365).

    The shrinkage makes the covariance invertible also with more descriptors than patients.
    """
    from sklearn.covariance import LedoitWolf  # takes a second, which predictions by a bundle do not need

    with one_blas_thread():
        return LedoitWolf().fit(descriptors)


def mahalanobis_distance(
    mean: Float[np.ndarray, " descriptor"], precision: Float[np.ndarray, "descriptor descriptor"], one: Descriptors
) -> Float[np.ndarray, " patient"]:
    """Distance of patients from a cohort, in standard deviations.

    Args:
        mean: Of the cohort's descriptors.
        precision: Inverse of their covariance.
        one: Descriptors of the patients.
    """
    apart = one - mean
    return np.sqrt(np.einsum("pi,ij,pj->p", apart, precision, apart).clip(0))


def left_out_distances(descriptors: Descriptors) -> Float[np.ndarray, " patient"]:
    """Distance of every patient of a cohort from the others, a tenth of whom is left out at a time.

    Patients lie closer to a mean and a covariance that were fitted on themselves: limits must not rest on that.
    """
    from sklearn.model_selection import KFold

    distances = np.empty(len(descriptors))
    folds = KFold(min(_LEFT_OUT_FOLDS, len(descriptors)), shuffle=True, random_state=0)
    for others, left_out in folds.split(descriptors):
        cloud = mahalanobis_cloud(descriptors[others])
        distances[left_out] = mahalanobis_distance(cloud.location_, cloud.precision_, descriptors[left_out])
    return distances
