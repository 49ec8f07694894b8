"""The range of a quantity in a cohort, and the distance of a patient from a cohort."""

import numpy as np
from jaxtyping import Float
from pydantic.dataclasses import dataclass

from stroke_ctp.common.blas import one_blas_thread
from stroke_ctp.common.schemas import STRICT

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


def mean_and_precision(
    descriptors: Descriptors,
) -> tuple[Float[np.ndarray, " descriptor"], Float[np.ndarray, "descriptor descriptor"]]:
    """Mean and inverse covariance of a cohort, this shrunk towards equal variances without correlation.

    The shrinkage makes the covariance invertible also with more descriptors than patients (O. Ledoit and M. Wolf,
    J. Multivar. Anal. 2004, 88, 365; `a`, `b` and `d` are squares of those of its section 3.3). It is
    `sklearn.covariance.LedoitWolf`, for which every prediction by a study would load scikit-learn.
    """
    n, p = descriptors.shape
    mean = descriptors.mean(axis=0)
    apart = descriptors - mean
    with one_blas_thread():
        sample = apart.T @ apart / n
        m = np.trace(sample) / p
        d = (sample**2).sum() / p - m**2
        b = min(d, ((apart**2).sum(axis=1) ** 2).sum() / p / n**2 - (sample**2).sum() / p / n)
        share = b / d if d > 0 else 0.0
        return mean, np.linalg.pinv((1 - share) * sample + share * m * np.eye(p), hermitian=True)


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
    distances = np.empty(len(descriptors))
    shuffled = np.random.RandomState(0).permutation(len(descriptors))  # the folds of scikit-learn's KFold
    for left_out in np.array_split(shuffled, min(_LEFT_OUT_FOLDS, len(descriptors))):
        others = mean_and_precision(np.delete(descriptors, left_out, axis=0))
        distances[left_out] = mahalanobis_distance(*others, descriptors[left_out])
    return distances
