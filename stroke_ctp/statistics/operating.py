"""An operating point chosen on validation predictions, and what it yields, frozen, on other patients."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import binomtest

from stroke_ctp.statistics.delong import Labels, Scores, one_class
from stroke_ctp.statistics.estimate import Estimate


@dataclass(frozen=True)
class Threshold:
    """A probability above which a core is called large."""

    value: float | None
    """None where the validation patients define none."""
    reason: str = ""


@dataclass(frozen=True)
class Confusion:
    """Patients by class and call."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def n(self) -> int:
        """Of all patients."""
        return self.true_positive + self.false_positive + self.true_negative + self.false_negative


def youden_threshold(labels: Labels, scores: Scores) -> Threshold:
    """Where sensitivity + specificity is highest (W. J. Youden, Cancer 1950, 3, 32); of several the most sensitive."""
    reason = one_class(labels)
    if reason:
        return Threshold(None, f"the validation patients have {reason}")
    candidates, sensitivity, specificity = _rates(labels, scores)
    return Threshold(float(candidates[np.argmax(np.round(sensitivity + specificity, 12))]))


def sensitive_threshold(labels: Labels, scores: Scores, sensitivity: float) -> Threshold:
    """The highest threshold that still has at least this sensitivity."""
    reason = one_class(labels)
    if reason:
        return Threshold(None, f"the validation patients have {reason}")
    candidates, reached, _ = _rates(labels, scores)
    return Threshold(float(candidates[reached >= sensitivity - 1e-12][-1]))


def confusion(labels: Labels, large: Bool[np.ndarray, " patient"]) -> Confusion:
    """Count patients; `large` is the call."""
    is_large = labels == 1
    counts = [is_large & large, ~is_large & large, ~is_large & ~large, is_large & ~large]
    return Confusion(*(int(count.sum()) for count in counts))


def rates(counts: Confusion) -> Mapping[str, Estimate]:
    """Sensitivity, specificity, predictive values and F1 with Wilson's 95 % confidence intervals.

    F1 is no proportion, but a monotonic function, 2 J / (1 + J), of one: of J, the true positives among all that are
    large or are called so. Its interval is that of J, transformed.
    """
    if counts.n == 0:
        return {
            name: Estimate(reason="nobody is called") for name in ("Sensitivity", "Specificity", "PPV", "NPV", "F1")
        }
    tp, fp, tn, fn = counts.true_positive, counts.false_positive, counts.true_negative, counts.false_negative
    return {
        "Sensitivity": proportion(tp, tp + fn, "no large core"),
        "Specificity": proportion(tn, tn + fp, "no small core"),
        "PPV": proportion(tp, tp + fp, "no core is called large"),
        "NPV": proportion(tn, tn + fn, "no core is called small"),
        "F1": _f1(proportion(tp, tp + fp + fn, "no core is large or called so")),
    }


def proportion(k: int, n: int, reason: str) -> Estimate:
    """`k` of `n` with Wilson's interval (E. B. Wilson, J. Am. Stat. Assoc. 1927, 22, 209); `reason` is why n is 0."""
    if n == 0:
        return Estimate(reason=reason)
    interval = binomtest(k, n).proportion_ci(method="wilson")
    return Estimate(k / n, float(interval.low), float(interval.high))


def _f1(jaccard: Estimate) -> Estimate:
    if jaccard.value is None:
        return jaccard
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low or 0.0, jaccard.high or 0.0))
    return Estimate(value, low, high)


def _rates(
    labels: Labels, scores: Scores
) -> tuple[Float[np.ndarray, " candidate"], Float[np.ndarray, " candidate"], Float[np.ndarray, " candidate"]]:
    """Candidate thresholds, ascending, with sensitivity and specificity: 0, and midway between neighbouring scores.

    Midway, because a threshold on a patient's very score would call another patient just beside it differently.
    """
    values = np.unique(scores)
    candidates = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [(values[-1] + 1) / 2]])
    called: Int[np.ndarray, "candidate patient"] = (scores > candidates[:, None]).astype(int)
    sensitivity = called[:, labels == 1].mean(axis=1)
    specificity = 1 - called[:, labels == 0].mean(axis=1)
    return candidates, sensitivity, specificity
