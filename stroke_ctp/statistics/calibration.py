"""Whether predicted probabilities mean what they say."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from jaxtyping import Float
from scipy.special import logit
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from stroke_ctp.statistics.delong import Labels, Scores, one_class
from stroke_ctp.statistics.estimate import Estimate
from stroke_ctp.statistics.operating import proportion

_NEAREST = 1e-6
"""Probabilities nearer to 0 or 1 than this are taken as this: certainty has no logit."""


@dataclass(frozen=True)
class Brier:
    """The mean squared error of the probabilities and its parts.

    A. H. Murphy, J. Appl. Meteorol. 1973, 12, 595, for groups of patients with similar probabilities, of whom each
    stands for its mean; `within` is what that leaves out (D. B. Stephenson et al., Weather Forecast. 2008, 23, 752).
    score = reliability − resolution + uncertainty + within.
    """

    score: float
    reliability: float
    """Squared distance of predicted from observed shares; 0 is best."""
    resolution: float
    """How far the groups' observed shares spread around the overall share; high is good."""
    uncertainty: float
    """Of the overall share: the score of always predicting it."""
    within: float


def groups(scores: Scores, n: int) -> pd.Series:
    """Group number of each patient: `n` groups by quantiles of probability, fewer where many are equal."""
    codes = pd.qcut(pd.Series(scores), n, labels=False, duplicates="drop")
    return codes.fillna(0).astype(int)


def n_groups(n_patients: int) -> int:
    """Ten groups, fewer in cohorts that would leave a group fewer than ten patients."""
    return int(min(10, max(2, n_patients // 10)))


def brier(labels: Labels, scores: Scores) -> Brier:
    """Brier score and its decomposition; one patient or more."""
    table = pd.DataFrame({"group": groups(scores, n_groups(len(labels))), "label": labels, "p": scores})
    grouped = table.groupby("group").agg(n=("p", "size"), observed=("label", "mean"), predicted=("p", "mean"))
    weight, share = grouped["n"] / len(table), float(np.mean(labels))
    reliability = float((weight * (grouped["predicted"] - grouped["observed"]) ** 2).sum())
    resolution = float((weight * (grouped["observed"] - share) ** 2).sum())
    score = float(np.mean((scores - labels) ** 2))
    uncertainty = share * (1 - share)
    return Brier(score, reliability, resolution, uncertainty, score - reliability + resolution - uncertainty)


def reliability_curve(labels: Labels, scores: Scores) -> pd.DataFrame:
    """Per group of similar probabilities: n, mean probability, share of large cores with Wilson's interval."""
    table = pd.DataFrame({"group": groups(scores, n_groups(len(labels))), "label": labels, "p": scores})
    rows = []
    for _, rows_of_group in table.groupby("group"):
        observed = proportion(int(rows_of_group["label"].sum()), len(rows_of_group), "")
        rows.append(
            {
                "n": len(rows_of_group),
                "predicted": float(rows_of_group["p"].mean()),
                "observed": observed.value,
                "low": observed.low,
                "high": observed.high,
            }
        )
    return pd.DataFrame(rows)


def slope(labels: Labels, scores: Scores) -> Estimate:
    """Calibration slope: of the logistic regression of the class on the logit of its probability; 1 is ideal.

    D. R. Cox, Biometrika 1958, 45, 562; below 1, probabilities are too extreme.
    """
    x = _logits(scores)
    reason = one_class(labels)
    if not reason and x.min() == x.max():
        reason = "all probabilities are equal"
    if not reason and _separated(labels, x):
        reason = "the probabilities separate the classes"
    return Estimate(reason=reason) if reason else _fitted(labels, sm.add_constant(x), None)


def intercept(labels: Labels, scores: Scores) -> Estimate:
    """Calibration in the large: the shift of all logits, slope fixed at 1, that fits the classes; 0 is ideal."""
    reason = one_class(labels)
    return Estimate(reason=reason) if reason else _fitted(labels, np.ones((len(labels), 1)), _logits(scores))


def _separated(labels: Labels, x: Scores) -> bool:
    """Whether no patient of one class lies within the other: the regression then has no finite slope.

    Classes that touch in one value are among them (A. Albert and J. A. Anderson, Biometrika 1984, 71, 1).
    """
    large, small = x[labels == 1], x[labels == 0]
    return bool(small.max() <= large.min() or large.max() <= small.min())


def _fitted(labels: Labels, design: Float[np.ndarray, "patient term"], offset: Scores | None) -> Estimate:
    """The last coefficient with its 95 % confidence interval (Wald)."""
    with warnings.catch_warnings(), np.errstate(over="ignore"):  # of the inverse link, which is then 0
        warnings.simplefilter("ignore", PerfectSeparationWarning)  # all calls right is no separation by the intercept
        fitted = sm.GLM(labels, design, family=sm.families.Binomial(), offset=offset).fit()
    low, high = fitted.conf_int()[-1]
    if high - low > 2 * logit(1 - _NEAREST):  # wider than all logits that are told apart
        return Estimate(reason="the probabilities are too certain")
    return Estimate(float(fitted.params[-1]), float(low), float(high))


def _logits(scores: Scores) -> Scores:
    return logit(np.clip(scores, _NEAREST, 1 - _NEAREST))
