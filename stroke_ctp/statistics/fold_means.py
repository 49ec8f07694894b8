"""Inference about a mean over the folds of a cross-validation: the corrected resampled t interval and test.

Every test patient has also trained the models of other folds, so the AUCs of folds are not independent, and their SD
divided by the root of their number is too small an error. C. Nadeau and Y. Bengio (Machine Learning 2003, 52, 239,
section 4) correct the variance of a mean of k values with variance S² to (1/k + n_test/n_train) S². How well interval
and test hold what they promise was simulated with retrained classifiers: `stroke_ctp.benchmarks.inference`.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, variance

from stroke_ctp.statistics.delong import perfect_auc
from stroke_ctp.statistics.interval_estimates import Estimate, TEstimate


def mean_over_folds(values: Sequence[float], test_to_train: float) -> TEstimate:
    """Mean of one value per fold, with the corrected standard error.

    Args:
        values: AUC of every fold, or the difference of two models' AUCs in it.
        test_to_train: Number of test patients of a fold, divided by that of its training patients.

    >>> estimate = mean_over_folds([0.7, 0.8, 0.9], test_to_train=0.5)
    >>> round(estimate.standard_error**2, 6)  # (1/3 + 0.5) × 0.01
    0.008333
    """
    if not values:
        return TEstimate(None, reason="no fold has both classes")
    if len(values) == 1:
        return TEstimate(values[0], reason="a single fold")
    spread = variance(values)
    if spread < 1e-24:  # sums in another order differ by less
        return TEstimate(mean(values), reason="all folds have the same value")
    return TEstimate(mean(values), sqrt((1 / len(values) + test_to_train) * spread), len(values) - 1)


def mean_auc(aucs: Sequence[float], smaller_classes: Sequence[int], test_to_train: float) -> Estimate:
    """Mean AUC over folds with its 95 % confidence interval.

    Where every fold has an AUC of 1 there is no variance. The exact bound then rests on the disjoint pairs of one fold,
    as often as folds are independent by the same correction: k / (1 + k · n_test/n_train) times.

    Args:
        aucs: Of the folds that define one.
        smaller_classes: Number of patients of the rarer class in each of these folds.
        test_to_train: As of `mean_over_folds`.
    """
    if aucs and min(aucs) == 1:  # every fold has at least as many disjoint pairs as the one with the fewest
        independent = max(1.0, len(aucs) / (1 + len(aucs) * test_to_train))
        return perfect_auc(int(independent * min(smaller_classes)))
    return mean_over_folds(aucs, test_to_train).interval(within=(0.0, 1.0))
