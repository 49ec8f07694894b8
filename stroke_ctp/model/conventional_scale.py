"""From a conventional core to the probability of a large one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.common.errors import UserError


@dataclass(frozen=True)
class Scale:
    """Logistic regression from a measurement to the probability of a large core."""

    slope: float
    intercept: float
    missing: float
    """Median measurement of the training folds; it replaces one that is missing."""

    @classmethod
    def fit(cls, values: Float[np.ndarray, " patient"], labels: Int[np.ndarray, " patient"]) -> "Scale":
        """Fit to the patients of the training folds.

        Args:
            values: Measurements, NaN where one is missing.
            labels: Classes.

        Raises:
            UserError: Every measurement is missing.
        """
        known = np.isfinite(values)
        if not known.any():
            raise UserError("no patient of the training folds could be measured; see the scans' quality.csv")
        from sklearn.linear_model import LogisticRegression  # takes half a second, which predictions do not need

        missing = float(np.median(values[known]))
        fitted = LogisticRegression(C=np.inf).fit(np.where(known, values, missing)[:, None], labels)
        return cls(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]), missing)

    def probability(self, values: Float[np.ndarray, " patient"]) -> Float[np.ndarray, " patient"]:
        """Probability of a large core."""
        known = np.where(np.isfinite(values), values, self.missing)
        return 1 / (1 + np.exp(-(self.slope * known + self.intercept)))
