"""Confidence intervals and tests by resampling: bootstrap within the classes, permutation of the classes.

The AUCs of all resamples are computed at once, from ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from stroke_ctp.common.random_streams import Purpose, numpy_generator
from stroke_ctp.statistics.interval_estimates import AucDifference, Estimate, PValue
from stroke_ctp.statistics.labels import Labels, Scores, missing_class

N_BOOTSTRAP = 2000
N_PERMUTATIONS = 9999
SEED = 0
"""Seed of all resampling: the same predictions give the same report."""


@dataclass(frozen=True)
class BootstrapAuc:
    """AUC of one model in a cohort and in the cohort's bootstrap samples."""

    auc: float | None
    """None if a class is missing."""
    samples: Float[np.ndarray, " sample"]
    """AUC of each sample; the same samples of patients for every model. Empty if a class is missing."""
    reason: str = ""
    """Why the AUC is undefined."""

    @property
    def estimate(self) -> Estimate:
        """AUC with the 2.5th and 97.5th percentile of the samples."""
        return Estimate(reason=self.reason) if self.auc is None else _percentiles(self.auc, self.samples)


def drawn_patients(labels: Labels, n: int = N_BOOTSTRAP) -> Int[np.ndarray, "{n} patient"]:
    """Row numbers of `n` samples of patients, drawn with replacement within each class; large cores come first.

    The class sizes are fixed, as in DeLong's variance, so that every sample has an AUC.
    """
    generator = numpy_generator(SEED, Purpose.BOOTSTRAP)
    classes = [np.flatnonzero(labels == value) for value in (1, 0)]
    return np.concatenate([generator.choice(rows, (n, len(rows))) for rows in classes], axis=1)


def aucs_of_samples(scores: Float[np.ndarray, "sample patient"], n_large: int) -> Float[np.ndarray, " sample"]:
    """AUC of each sample from its rank sum; the first `n_large` scores of a sample are those of its large cores."""
    n_small = scores.shape[1] - n_large
    rank_sum = rankdata(scores, axis=1)[:, :n_large].sum(axis=1)
    return (rank_sum - n_large * (n_large + 1) / 2) / (n_large * n_small)


def bootstrap_auc(labels: Labels, scores: Scores) -> BootstrapAuc:
    """AUC of a model in the cohort and in `N_BOOTSTRAP` samples of its patients."""
    reason = missing_class(labels)
    if reason:
        return BootstrapAuc(None, np.empty(0), reason)
    samples = aucs_of_samples(scores[drawn_patients(labels)], int(labels.sum()))
    return BootstrapAuc(float(roc_auc_score(labels, scores)), samples)


def bootstrap_difference(ours: BootstrapAuc, theirs: BootstrapAuc) -> AucDifference:
    """AUC of one model minus AUC of another, of the same patients in the same order.

    The two-sided p is twice the smaller share of samples on one side of 0. Both shares count one sample more than
    was drawn (A. C. Davison and D. V. Hinkley, Bootstrap Methods and Their Application, 1997, section 4.2).
    """
    if ours.auc is None or theirs.auc is None:
        return AucDifference(Estimate(reason=ours.reason), PValue(None, ours.reason))
    samples = ours.samples - theirs.samples
    difference = _percentiles(ours.auc - theirs.auc, samples)
    side = min((samples <= 0).sum(), (samples >= 0).sum())
    p = min(1.0, 2 * float(side + 1) / (len(samples) + 1))
    return AucDifference(difference, PValue(p, difference.reason))


def permutation_p(folds: Sequence[tuple[Labels, Scores]]) -> PValue:
    """Two-sided p of the mean AUC over folds against chance, by permuting the classes within every fold.

    p is the share of permutations whose mean AUC is at least as far from 0.5 as the observed one, which counts as a
    permutation too. Folds without both classes have no AUC and are left out.

    Args:
        folds: Labels and scores of each fold.
    """
    generator = numpy_generator(SEED, Purpose.PERMUTATION)
    observed, permuted = [], []
    for labels, scores in folds:
        if missing_class(labels):
            continue
        n_large = int(labels.sum())
        ordered = scores[np.argsort(-labels, kind="stable")]
        observed.append(roc_auc_score(labels, scores))
        repeated = np.broadcast_to(ordered, (N_PERMUTATIONS, len(ordered)))
        permuted.append(aucs_of_samples(generator.permuted(repeated, axis=1), n_large))
    if not observed:
        everyone = np.concatenate([labels for labels, _ in folds]) if folds else np.empty(0, int)
        return PValue(None, missing_class(everyone) or "no fold has both classes")
    return p_of_permutations(float(np.mean(observed)), np.mean(permuted, axis=0))


def p_of_permutations(observed: float, permuted: Float[np.ndarray, " permutation"]) -> PValue:
    """Two-sided p of a mean AUC: share of those at least as far from 0.5 among the permuted and the observed one."""
    rounding = 1e-12  # sums in another order differ by less
    as_far = abs(permuted - 0.5) >= abs(observed - 0.5) - rounding
    return PValue(float((1 + as_far.sum()) / (1 + len(permuted))))


def roc_band(
    labels: Labels, scores: Scores, grid: Float[np.ndarray, " grid"]
) -> tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"]]:
    """Pointwise 95 % bootstrap band of the sensitivity at each false-positive rate; needs both classes."""
    n_large, drawn = int(labels.sum()), scores[drawn_patients(labels)]
    large, small = drawn[:, :n_large], -np.sort(-drawn[:, n_large:], axis=1)
    n_small = small.shape[1]
    # With k false positives, the threshold is the score of the k-th highest small core; only higher scores count.
    k = np.minimum((grid * n_small + 1e-9).astype(int), n_small - 1)
    rates = np.stack([(large > small[:, [at]]).mean(axis=1) for at in k], axis=1)
    rates[:, grid >= 1] = 1
    low, high = np.percentile(rates, [2.5, 97.5], axis=0)
    return low, high


def _percentiles(value: float, samples: Float[np.ndarray, " sample"]) -> Estimate:
    if samples.min() == samples.max():
        return Estimate(value, reason="all samples agree")
    low, high = np.percentile(samples, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
