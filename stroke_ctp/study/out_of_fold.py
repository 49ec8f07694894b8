"""Probabilities of a study's own patients, each by the member that had not seen the patient."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.study.reference import Reference


@dataclass(frozen=True)
class OutOfFold:
    """What a new patient's probability is compared with."""

    probability: Float[np.ndarray, " patient"]
    """Of a large core."""
    label: Int[np.ndarray, " patient"]
    """1 for a large core."""
    simulated: int
    """How many of the patients are simulated."""

    @classmethod
    def of(cls, reference: Reference, simulated: int) -> "OutOfFold":
        """The test patients of all folds.

        Args:
            reference: Of the model.
            simulated: How many of the patients are simulated.
        """
        return cls(np.array(reference.probability), np.array(reference.labels), simulated)

    def nearest(self, probability: float, n: int) -> tuple[float, float, int]:
        """The patients with the nearest probabilities.

        Args:
            probability: Of a new patient.
            n: How many.

        Returns:
            Their lowest and highest probability, and how many of them have a large core.
        """
        rows = np.argsort(np.abs(self.probability - probability), kind="stable")[:n]
        near = self.probability[rows]
        return float(near.min()), float(near.max()), int(self.label[rows].sum())
