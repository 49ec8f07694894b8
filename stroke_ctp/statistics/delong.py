"""DeLong's variance of the ROC-AUC, its confidence interval, and the paired comparison of two models.

E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 1988, 44, 837; computed from midranks after X. Sun and
W. Xu, IEEE Signal Processing Letters 2014, 21, 1389. The interval is symmetric on the logit scale (M. S. Pepe, The
Statistical Evaluation of Medical Tests, 2003, section 5.2): it stays within (0, 1) and keeps its coverage in small
cohorts. For an AUC of 0.72 it covered in 95.3 % of 20,000 simulated cohorts of 217 patients and in 96.4 % of cohorts
of 23; the interval that is symmetric in the AUC covered in 94.7 % and 91.8 %.
"""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from stroke_ctp.statistics.interval_estimates import AucDifference, Estimate, TEstimate
from stroke_ctp.statistics.labels import Labels, Scores, missing_class


def delong(
    labels: Labels, scores: Float[np.ndarray, "model patient"]
) -> tuple[Float[np.ndarray, " model"], Float[np.ndarray, "model patient"]]:
    """AUCs, and the patients' structural components, from which their variance follows.

    Args:
        labels: Both classes must be present.
        scores: Scores of one or several models; ties count half.

    Returns:
        AUCs, and structural components with the large cores first. A patient's component is the share of the other
        class that the model ranks correctly relative to the patient.
    """
    order = np.argsort(-labels, kind="stable")
    n_large = int(labels.sum())
    ranked = scores[..., order]
    large, small = ranked[..., :n_large], ranked[..., n_large:]
    all_ranks = rankdata(ranked, axis=-1)
    above = (all_ranks[..., :n_large] - rankdata(large, axis=-1)) / small.shape[-1]
    below = 1 - (all_ranks[..., n_large:] - rankdata(small, axis=-1)) / n_large
    return above.mean(axis=-1), np.concatenate([above, below], axis=-1)


def variance(components: Float[np.ndarray, "model patient"], n_large: int) -> Float[np.ndarray, " model"]:
    """DeLong's variance of AUCs, or of differences of AUCs, from their structural components.

    Args:
        components: From `delong`; for a difference of AUCs, the components of one model minus those of the other.
        n_large: Number of large cores; each class needs two patients or more.
    """
    large, small = components[..., :n_large], components[..., n_large:]
    return large.var(axis=-1, ddof=1) / n_large + small.var(axis=-1, ddof=1) / small.shape[-1]


def logit_interval(auc: float, sd: float) -> tuple[float, float]:
    """95 % confidence interval of an AUC in (0, 1) with standard error `sd`."""
    half = norm.ppf(0.975) * sd / (auc * (1 - auc))
    low, high = expit(logit(auc) - half), expit(logit(auc) + half)
    return float(low), float(high)


def perfect_auc(n_pairs: int) -> Estimate:
    """An AUC of 1 with an exact 95 % confidence interval, where DeLong's variance is zero.

    The AUC is the probability that a large and a small core are ranked correctly. The pairs share patients, but as
    many of them as the rarer class has patients share none, and are independent trials. All of them are correct with
    a probability of AUC to the power of their number; the bound is the AUC at which this is 2.5 % (that of C. J.
    Clopper and E. S. Pearson, Biometrika 1934, 26, 404, for a proportion of 1). All pairs are correct even more
    rarely, so that the interval covers the true AUC in at least 97.5 % of cohorts.

    Args:
        n_pairs: Number of disjoint pairs, that of the patients of the rarer class.

    >>> round(perfect_auc(10).low, 2)
    0.69
    """
    return Estimate(1.0, 0.025 ** (1 / n_pairs), 1.0)


def auc_estimate(labels: Labels, scores: Scores) -> Estimate:
    """AUC with its 95 % confidence interval.

    An AUC of 1 has the exact interval of `perfect_auc`. There is no interval if a class has fewer than two patients or
    the AUC has no variance; its `reason` says so.
    """
    reason = missing_class(labels)
    if reason:
        return Estimate(reason=reason)
    aucs, components = delong(labels, scores[None])
    auc, n_large = float(aucs[0]), int(labels.sum())
    if auc == 1:
        return perfect_auc(min(n_large, len(labels) - n_large))
    reason = _too_few(labels)
    if reason:
        return Estimate(auc, reason=reason)
    spread = float(variance(components, n_large)[0])
    if spread == 0:
        return Estimate(auc, reason="no variance")
    return Estimate(auc, *logit_interval(auc, sqrt(spread)))


def difference(labels: Labels, scores: Scores, others: Scores) -> TEstimate:
    """AUC of one model minus that of another on the same patients; it has no error if it has no variance.

    Student's t distribution with n − 2 degrees of freedom takes the place of the normal one, whose test rejects too
    often in cohorts of 23 patients (`stroke_ctp.benchmarks.inference`).
    """
    reason = missing_class(labels)
    if reason:
        return TEstimate(None, reason=reason)
    aucs, components = delong(labels, np.stack([scores, others]))
    value = float(aucs[0] - aucs[1])
    reason = _too_few(labels)
    sd = 0.0 if reason else sqrt(float(variance(components[[0]] - components[[1]], int(labels.sum()))[0]))
    if sd == 0:
        alike = "the models order all pairs alike" if value == 0 else "all patients have the same difference"
        return TEstimate(value, reason=reason or alike)
    return TEstimate(value, sd, len(labels) - 2)


def compare(labels: Labels, scores: Scores, others: Scores) -> AucDifference:
    """DeLong's paired test as published, with the normal distribution; p is undefined without variance."""
    found = replace(difference(labels, scores, others), df=inf)
    return AucDifference(found.interval(), found.p())


def _too_few(labels: Labels) -> str:
    n_large = int(labels.sum())
    return "fewer than two patients of a class" if min(n_large, len(labels) - n_large) < 2 else ""
