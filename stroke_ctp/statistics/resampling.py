"""Intervals and tests that resample patients: bootstrap within the classes, permutation of the classes.

AUCs of all resamples at once, by ranks.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from stroke_ctp.statistics.delong import Labels, Scores, one_class
from stroke_ctp.statistics.estimate import Estimate

N_BOOTSTRAP = 2000
N_PERMUTATIONS = 9999
SEED = 0
"""Of all resampling: the same predictions give the same report."""


def drawn_patients(labels: Labels, n: int = N_BOOTSTRAP) -> Int[np.ndarray, "{n} patient"]:
    """Row numbers of `n` samples of patients, drawn with replacement within each class, large cores first.

    Class sizes stay as they are, as in DeLong's variance, so that every sample has an AUC.
    """
    generator = np.random.default_rng(SEED)
    classes = [np.flatnonzero(labels == value) for value in (1, 0)]
    return np.concatenate([generator.choice(rows, (n, len(rows))) for rows in classes], axis=1)


def aucs_of_samples(scores: Float[np.ndarray, "sample patient"], n_large: int) -> Float[np.ndarray, " sample"]:
    """AUC of each sample by the rank sum of its large cores, which come first."""
    n_small = scores.shape[1] - n_large
    rank_sum = rankdata(scores, axis=1)[:, :n_large].sum(axis=1)
    return (rank_sum - n_large * (n_large + 1) / 2) / (n_large * n_small)


def bootstrap_auc(labels: Labels, scores: Scores) -> Estimate:
    """AUC with the 2.5th and 97.5th percentile of its bootstrap distribution."""
    reason = one_class(labels)
    if reason:
        return Estimate(reason=reason)
    n_large = int(labels.sum())
    samples = aucs_of_samples(scores[drawn_patients(labels)], n_large)
    return _percentiles(float(roc_auc_score(labels, scores)), samples)


def bootstrap_difference(labels: Labels, scores: Scores, others: Scores) -> tuple[Estimate, float | None]:
    """AUC of one model minus another's, both of the same drawn patients, with percentiles and two-sided p.

    p is twice the smaller share of samples on one side of 0, both shares counting one more sample than were drawn
    (A. C. Davison and D. V. Hinkley, Bootstrap Methods and Their Application, 1997, section 4.2).
    """
    reason = one_class(labels)
    if reason:
        return Estimate(reason=reason), None
    n_large, drawn = int(labels.sum()), drawn_patients(labels)
    samples = aucs_of_samples(scores[drawn], n_large) - aucs_of_samples(others[drawn], n_large)
    value = roc_auc_score(labels, scores) - roc_auc_score(labels, others)
    side = min((samples <= 0).sum(), (samples >= 0).sum())
    return _percentiles(float(value), samples), min(1.0, 2 * float(side + 1) / (len(samples) + 1))


def permutation_p(folds: Sequence[tuple[Labels, Scores]]) -> float | None:
    """One-sided p of the mean AUC over folds against chance, by permuting the classes within every fold.

    Args:
        folds: Classes and scores of each; one with a single class has no AUC and is left out.

    Returns:
        Share of permutations whose mean AUC is as high or higher, the observed one among them; None without any AUC.
    """
    generator = np.random.default_rng(SEED)
    observed, permuted = [], []
    for labels, scores in folds:
        if one_class(labels):
            continue
        n_large = int(labels.sum())
        ordered = scores[np.argsort(-labels, kind="stable")]
        observed.append(roc_auc_score(labels, scores))
        copies = np.broadcast_to(ordered, (N_PERMUTATIONS, len(ordered)))
        permuted.append(aucs_of_samples(generator.permuted(copies, axis=1), n_large))
    if not observed:
        return None
    tolerance = 1e-12  # of sums in another order
    as_high = np.mean(permuted, axis=0) >= np.mean(observed) - tolerance
    return float((1 + as_high.sum()) / (1 + N_PERMUTATIONS))


def roc_band(
    labels: Labels, scores: Scores, grid: Float[np.ndarray, " grid"]
) -> tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"]]:
    """Pointwise 95 % bootstrap band of the sensitivity at each false-positive rate; both classes must be there."""
    n_large, drawn = int(labels.sum()), scores[drawn_patients(labels)]
    large, small = drawn[:, :n_large], -np.sort(-drawn[:, n_large:], axis=1)
    n_small = small.shape[1]
    # At a rate of k of n false positives the threshold lies on the k-th highest small core: only what is above counts.
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
