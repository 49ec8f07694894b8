"""Recalibration of probabilities: two numbers, fitted on patients that the models have not seen.

Platt's scaling (J. Platt, Advances in Large Margin Classifiers 1999, 61) on the logit of the probability, which is also
Cox's logistic recalibration, with Platt's targets: finite where the probabilities separate the classes.
"""

import numpy as np
from jaxtyping import Float, Shaped
from pydantic.dataclasses import dataclass
from scipy.special import expit, logit

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.statistics.labels import Labels, Scores, missing_class
from stroke_ctp.statistics.logits import logits


@dataclass(frozen=True, config=STRICT)
class Platt:
    """Logit of the calibrated probability = slope · logit + intercept."""

    slope: float
    """Below 1 where the probabilities are too extreme; 0 where they do not rise with the class."""
    intercept: float

    @classmethod
    def fit(cls, labels: Labels, scores: Scores) -> "Platt | None":
        """Fit to patients with known classes; None if a class is missing.

        Probabilities that fall with the class are not turned around: everybody gets the share of large cores.
        """
        if missing_class(labels):
            return None
        n_large, n_small = int(labels.sum()), int((1 - labels).sum())
        targets = np.where(labels == 1, (n_large + 1) / (n_large + 2), 1 / (n_small + 2))
        x = logits(scores)
        if np.ptp(x) > 0:
            import statsmodels.api as sm  # takes half a second, which predictions do not need

            fitted = sm.GLM(targets, sm.add_constant(x), family=sm.families.Binomial()).fit()
            intercept, slope = map(float, fitted.params)
            if slope > 0:
                return cls(slope, intercept)
        return cls(0.0, float(logit(targets.mean())))

    def of(self, scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Calibrated probabilities, of the same shape."""
        calibrated: Float[np.ndarray, "*shape"] = expit(self.slope * logits(scores) + self.intercept)
        return calibrated


def cross_fitted(labels: Labels, scores: Scores, groups: Shaped[np.ndarray, " patient"]) -> Scores | None:
    """Probabilities of every group calibrated on the patients of all other groups, for an honest assessment.

    Args:
        labels: Classes.
        scores: Out-of-fold probabilities.
        groups: Test fold of each patient.

    Returns:
        Calibrated probabilities; None if the others of some group are of one class.
    """
    calibrated = np.empty(len(scores))
    for group in np.unique(groups):
        left_out = groups == group
        fitted = Platt.fit(labels[~left_out], scores[~left_out])
        if fitted is None:
            return None
        calibrated[left_out] = fitted.of(scores[left_out])
    return calibrated
