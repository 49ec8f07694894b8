"""Probabilities of a study's own patients, each by the member that had not seen the patient."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.study.predictions import labels_and_scores, read_model
from stroke_ctp.study.study_folder import StudyFolder


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
    def of(cls, study: StudyFolder, model: str) -> "OutOfFold":
        """The test patients of all folds.

        Raises:
            UserError: A fold is missing, or a file was changed.
        """
        found = read_model(study, model)
        # The cross-validation may be repeated: a patient is then tested once in each.
        patients = found.test.groupby("patient", sort=False)[["label", "probability"]].mean().reset_index()
        label, probability = labels_and_scores(patients)
        return cls(probability, label, found.record.cohort.simulated)

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
