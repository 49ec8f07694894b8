"""Classes that are plausible for a patient at a chosen share of errors, whatever the probabilities are worth.

Conformal prediction by class (V. Vovk, Asian Conference on Machine Learning 2012, 475). If the patient is exchangeable
with those of the same class whose probabilities are known, and were made by models that had not seen them, then the
true class is missed in at most this share of patients of either class.
"""

from dataclasses import dataclass

from stroke_ctp.statistics.labels import Labels, Scores


@dataclass(frozen=True)
class PlausibleClasses:
    """Which classes are not refused."""

    small: bool
    large: bool

    def settle(self, large: bool) -> bool:
        """Whether a class is plausible and the other one is not."""
        return (self.large, self.small) == (large, not large)


def plausible_classes(labels: Labels, scores: Scores, probability: float, error: float) -> PlausibleClasses:
    """Test both classes for one patient.

    Args:
        labels: Classes of patients with known out-of-fold probabilities.
        scores: These probabilities.
        probability: Of the new patient.
        error: Largest share of patients of a class for whom it may be refused.
    """
    large, small = scores[labels == 1], scores[labels == 0]
    p_large = (1 + int((large <= probability).sum())) / (1 + len(large))
    p_small = (1 + int((small >= probability).sum())) / (1 + len(small))
    return PlausibleClasses(small=p_small > error, large=p_large > error)
