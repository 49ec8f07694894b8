"""What makes AUCs of folds differ that were trained with several seeds: seeds, folds, patients."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Float

from stroke_ctp.statistics.fold_means import mean_over_folds
from stroke_ctp.statistics.interval_estimates import TEstimate


@dataclass(frozen=True)
class RepeatedTraining:
    """AUCs of the same folds after trainings with several seeds.

    The standard deviations are components of variance of a balanced layout of seeds and folds, by the method of
    moments (S. R. Searle et al., Variance Components, 1992, section 4.3); a negative component counts as 0.
    """

    mean: TEstimate
    """Over seeds and folds. Its error is the corrected resampled one of the folds' means over seeds."""
    sd_seeds: float
    """Between seeds: all folds move together."""
    sd_folds: float
    """Between folds, whatever the seed: other training and test patients."""
    sd_rest: float
    """What is left: a seed that is better in one fold and worse in another."""

    n_folds: int

    @property
    def sd_of_change(self) -> float:
        """SD of the difference of two trainings of all folds: what repeating with another seed would change."""
        return sqrt(2 * (self.sd_seeds**2 + self.sd_rest**2 / self.n_folds))


def repeated_training(aucs: Float[np.ndarray, "seed fold"], test_to_train: float) -> RepeatedTraining:
    """Divide the variance of AUCs between seeds, folds and the rest.

    Args:
        aucs: Of at least two seeds and two folds.
        test_to_train: Number of test patients of a fold, divided by that of its training patients.
    """
    n_seeds, n_folds = aucs.shape
    of_seeds, of_folds = aucs.mean(axis=1), aucs.mean(axis=0)
    residuals = aucs - of_seeds[:, None] - of_folds + aucs.mean()
    rest = float((residuals**2).sum()) / ((n_seeds - 1) * (n_folds - 1))
    return RepeatedTraining(
        mean_over_folds(of_folds.tolist(), test_to_train),
        sd_seeds=sqrt(max(0.0, float(of_seeds.var(ddof=1)) - rest / n_folds)),
        sd_folds=sqrt(max(0.0, float(of_folds.var(ddof=1)) - rest / n_seeds)),
        sd_rest=sqrt(rest),
        n_folds=n_folds,
    )
