"""Operating points: thresholds chosen on validation patients, and the performance of a fixed threshold on others."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.labels import Labels, Scores, missing_class

USUAL_SENSITIVITY = 0.9
"""Sensitivity on validation patients of the second operating point, unless another one is asked for."""
_BELOW_0 = -float(np.finfo(np.float64).tiny)
"""Not a subnormal number: libraries make processors take those for 0."""


@dataclass(frozen=True)
class Threshold:
    """The probability above which a patient's core is called large."""

    value: float | None
    """None if the validation patients do not define a threshold."""
    reason: str = ""


@dataclass(frozen=True)
class Confusion:
    """Numbers of patients by class and call."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def n(self) -> int:
        """Number of all patients."""
        return self.true_positive + self.false_positive + self.true_negative + self.false_negative


@dataclass(frozen=True)
class Rates:
    """Performance at a threshold, with Wilson's 95 % confidence intervals."""

    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    f1: Estimate


def youden_threshold(labels: Labels, scores: Scores) -> Threshold:
    """Threshold of the highest sensitivity + specificity (W. J. Youden, Cancer 1950, 3, 32); the lowest of several."""
    reason = missing_class(labels)
    if reason:
        return Threshold(None, f"the validation patients have {reason}")
    candidates, sensitivity, specificity = _candidates(labels, scores)
    return Threshold(float(candidates[np.argmax(np.round(sensitivity + specificity, 12))]))


def sensitive_threshold(labels: Labels, scores: Scores, sensitivity: float) -> Threshold:
    """The highest threshold that reaches at least this sensitivity."""
    reason = missing_class(labels)
    if reason:
        return Threshold(None, f"the validation patients have {reason}")
    candidates, reached, _ = _candidates(labels, scores)
    return Threshold(float(candidates[reached >= sensitivity - 1e-12][-1]))


def threshold_at(labels: Labels, scores: Scores, sensitivity: float | None) -> Threshold:
    """The threshold of a sensitivity, or Youden's for None."""
    if sensitivity is None:
        return youden_threshold(labels, scores)
    return sensitive_threshold(labels, scores, sensitivity)


def majority(scores: Float[np.ndarray, "member patient"], threshold: float) -> Bool[np.ndarray, " patient"]:
    """Whether more than half of the members call a patient's core large."""
    called: Bool[np.ndarray, "member patient"] = scores > threshold
    return is_majority(called.mean(axis=0))


def is_majority(share: Float[np.ndarray, " patient"]) -> Bool[np.ndarray, " patient"]:
    """Whether this share of votes decides: more than half."""
    return share > 0.5


def confusion(labels: Labels, large: Bool[np.ndarray, " patient"]) -> Confusion:
    """Count patients by class and call; `large` is the call."""
    is_large = labels == 1
    counts = [is_large & large, ~is_large & large, ~is_large & ~large, is_large & ~large]
    return Confusion(*(int(count.sum()) for count in counts))


def rates(counts: Confusion) -> Rates:
    """Sensitivity, specificity, predictive values and F1.

    F1 is not a proportion, but a monotonic function of one, F1 = 2 J / (1 + J), where J is the share of true
    positives among all patients who have a large core or are called large. Its interval is the transformed interval
    of J.
    """
    if counts.n == 0:
        return Rates(*[Estimate(reason="no patient is called")] * 5)
    tp, fp, tn, fn = counts.true_positive, counts.false_positive, counts.true_negative, counts.false_negative
    return Rates(
        sensitivity=proportion(tp, tp + fn, "no large core"),
        specificity=proportion(tn, tn + fp, "no small core"),
        ppv=proportion(tp, tp + fp, "no core is called large"),
        npv=proportion(tn, tn + fn, "no core is called small"),
        f1=_f1(proportion(tp, tp + fp + fn, "no core is large or called large")),
    )


def proportion(k: int, n: int, reason: str) -> Estimate:
    """`k` of `n` with Wilson's interval (E. B. Wilson, J. Am. Stat. Assoc. 1927, 22, 209).

    Args:
        k: Number of patients with the property.
        n: Number of all patients.
        reason: Reason of the undefined estimate if `n` is 0.

    >>> proportion(7, 10, "no patients").value
    0.7
    """
    if n == 0:
        return Estimate(reason=reason)
    from scipy.stats import binomtest  # slow to load, and not needed to apply a threshold

    interval = binomtest(k, n).proportion_ci(method="wilson")
    return Estimate(k / n, float(interval.low), float(interval.high))


def _f1(jaccard: Estimate) -> Estimate:
    if jaccard.value is None:
        return jaccard
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low or 0.0, jaccard.high or 0.0))
    return Estimate(value, low, high)


def _candidates(
    labels: Labels, scores: Scores
) -> tuple[Float[np.ndarray, " candidate"], Float[np.ndarray, " candidate"], Float[np.ndarray, " candidate"]]:
    """Candidate thresholds in ascending order, with their sensitivity and specificity.

    Candidates are the number just below 0, which calls everybody, and the midpoints between neighbouring scores. A
    midpoint has the largest margin to both neighbours; a threshold equal to a score would have none.
    """
    values = np.unique(scores)
    candidates = np.concatenate([[_BELOW_0], (values[1:] + values[:-1]) / 2, [(values[-1] + 1) / 2]])
    called: Int[np.ndarray, "candidate patient"] = (scores > candidates[:, None]).astype(int)
    sensitivity = called[:, labels == 1].mean(axis=1)
    specificity = 1 - called[:, labels == 0].mean(axis=1)
    return candidates, sensitivity, specificity
