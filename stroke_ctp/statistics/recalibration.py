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

_MOST_STEPS, _LAST_STEP = 100, 1e-10
"""Of the fit: how many at most, and the size at which it ends."""


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
            intercept, slope = _line(x, targets)
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


def _line(x: Float[np.ndarray, " patient"], targets: Float[np.ndarray, " patient"]) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of maximal likelihood, by Newton's method.

    Targets lie between 0 and 1; as none is 0 or 1, the likelihood has one maximum. A step that lowers the likelihood is
    halved until it does not. Logits are standardized, so that those that hardly differ leave the equations regular.
    """
    centre, scale = float(x.mean()), float(x.std())
    design, line = np.column_stack([np.ones(len(x)), (x - centre) / scale]), np.zeros(2)

    def loss(line: Float[np.ndarray, "2"]) -> float:
        z = design @ line
        return float(np.logaddexp(0, z).sum() - targets @ z)

    for _ in range(_MOST_STEPS):
        p = expit(design @ line)
        step = np.linalg.solve((design.T * (p * (1 - p))) @ design, design.T @ (targets - p))
        while loss(line + step) > loss(line) and np.abs(step).max() > _LAST_STEP:
            step = step / 2
        line = line + step
        if np.abs(step).max() <= _LAST_STEP:
            break
    slope = float(line[1]) / scale
    return float(line[0]) - slope * centre, slope
