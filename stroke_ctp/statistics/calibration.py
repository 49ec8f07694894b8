"""Calibration of predicted probabilities: Brier score, reliability curve, slope and intercept."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from jaxtyping import Bool, Float, Int

from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.labels import Labels, Scores, missing_class
from stroke_ctp.statistics.logits import FARTHEST, logits
from stroke_ctp.statistics.operating_points import proportion


@dataclass(frozen=True)
class Brier:
    """The Brier score (mean squared error of the probabilities) and its parts.

    score = reliability − resolution + uncertainty + within, over groups of patients with similar probabilities
    (A. H. Murphy, J. Appl. Meteorol. 1973, 12, 595). Each group is represented by its mean; `within` is the remainder
    that this leaves (D. B. Stephenson et al., Weather Forecast. 2008, 23, 752).
    """

    score: float
    reliability: float
    """Squared distance between predicted and observed shares; 0 is best."""
    resolution: float
    """Spread of the groups' observed shares around the overall share; higher is better."""
    uncertainty: float
    """Brier score of always predicting the overall share."""
    within: float

    @property
    def scaled(self) -> float | None:
        """Share by which the score is better than that of always predicting the overall share; 1 is best.

        None if all patients are of one class (E. W. Steyerberg et al., Epidemiology 2010, 21, 128).
        """
        return 1 - self.score / self.uncertainty if self.uncertainty else None


@dataclass(frozen=True)
class ReliabilityGroup:
    """One point of a reliability curve: a group of patients with similar probabilities."""

    n: int
    predicted: float
    """Mean probability."""
    observed: Estimate
    """Share of large cores, with Wilson's interval."""


def n_groups(n_patients: int) -> int:
    """Ten groups, or fewer if a group would have fewer than ten patients; at least two."""
    return int(min(10, max(2, n_patients // 10)))


def brier(labels: Labels, scores: Scores) -> Brier:
    """Brier score and its decomposition; needs at least one patient."""
    share, reliability, resolution = float(np.mean(labels)), 0.0, 0.0
    for members in _groups(scores):
        weight, observed = members.mean(), labels[members].mean()
        reliability += float(weight * (scores[members].mean() - observed) ** 2)
        resolution += float(weight * (observed - share) ** 2)
    score = float(np.mean((scores - labels) ** 2))
    uncertainty = share * (1 - share)
    return Brier(score, reliability, resolution, uncertainty, score - reliability + resolution - uncertainty)


def reliability_curve(labels: Labels, scores: Scores) -> tuple[ReliabilityGroup, ...]:
    """Groups of patients with similar probabilities, from low to high."""
    return tuple(
        ReliabilityGroup(
            n=int(members.sum()),
            predicted=float(scores[members].mean()),
            observed=proportion(int(labels[members].sum()), int(members.sum()), "no patients"),
        )
        for members in _groups(scores)
    )


def slope(labels: Labels, scores: Scores) -> Estimate:
    """Calibration slope: coefficient of the probability's logit in a logistic regression of the class; 1 is ideal.

    Below 1, the probabilities are too extreme (D. R. Cox, Biometrika 1958, 45, 562).
    """
    x = logits(scores)
    reason = missing_class(labels)
    if not reason and x.min() == x.max():
        reason = "all probabilities are equal"
    if not reason and _separated(labels, x):
        reason = "the probabilities separate the classes"
    return Estimate(reason=reason) if reason else _last_coefficient(labels, sm.add_constant(x), None)


def intercept(labels: Labels, scores: Scores) -> Estimate:
    """Calibration in the large: the shift of all logits that fits the classes at a slope of 1; 0 is ideal."""
    reason = missing_class(labels)
    return Estimate(reason=reason) if reason else _last_coefficient(labels, np.ones((len(labels), 1)), logits(scores))


def _groups(scores: Scores) -> Iterator[Bool[np.ndarray, " patient"]]:
    """Members of each group, by quantiles of probability; fewer groups if many probabilities are equal."""
    codes = pd.qcut(scores, n_groups(len(scores)), labels=False, duplicates="drop")
    group: Int[np.ndarray, " patient"] = np.nan_to_num(codes).astype(int)  # NaN if all probabilities are equal
    for number in np.unique(group):
        yield group == number


def _separated(labels: Labels, x: Scores) -> bool:
    """Whether the classes' scores do not overlap: the regression then has no finite slope.

    Scores that share only one value do not overlap either (A. Albert and J. A. Anderson, Biometrika 1984, 71, 1).
    """
    large, small = x[labels == 1], x[labels == 0]
    return bool(small.max() <= large.min() or large.max() <= small.min())


def _last_coefficient(labels: Labels, design: Float[np.ndarray, "patient term"], offset: Scores | None) -> Estimate:
    """The last coefficient of a logistic regression, with Wald's 95 % confidence interval."""
    with np.errstate(over="ignore"):  # the inverse link overflows to 0, which is right
        fitted = sm.GLM(labels, design, family=sm.families.Binomial(), offset=offset).fit()
    low, high = fitted.conf_int()[-1]
    if high - low > 2 * FARTHEST:  # wider than the range of the clipped logits
        return Estimate(reason="the probabilities are too certain")
    return Estimate(float(fitted.params[-1]), float(low), float(high))
