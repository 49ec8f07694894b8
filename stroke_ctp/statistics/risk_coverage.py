"""What declining buys: the share of wrong answers among those patients whose answers are the most certain."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.operating_points import proportion

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Shares of the patients who are answered, in tables."""


@dataclass(frozen=True)
class CoveragePoint:
    """The patients who are answered if the least certain ones are declined."""

    coverage: float
    """Share of the patients who are answered."""
    n: int
    wrong: Estimate
    """Share of wrong answers among them, with Wilson's interval."""


def risk_coverage(
    wrong: Bool[np.ndarray, " patient"], confidence: Float[np.ndarray, " patient"]
) -> tuple[CoveragePoint, ...]:
    """Points of the risk–coverage curve (R. El-Yaniv and Y. Wiener, J. Mach. Learn. Res. 2010, 11, 1605).

    Args:
        wrong: Whether the answer to a patient is wrong.
        confidence: Higher for patients who are declined later; of equal ones the first is answered.
    """
    ordered = wrong[np.argsort(-confidence, kind="stable")]
    sizes = [round(coverage * len(wrong)) for coverage in COVERAGES]
    return tuple(
        CoveragePoint(coverage, n, proportion(int(ordered[:n].sum()), n, "nobody is answered"))
        for coverage, n in zip(COVERAGES, sizes, strict=True)
    )


def area_under_risk(wrong: Bool[np.ndarray, " patient"], confidence: Float[np.ndarray, " patient"]) -> float:
    """Mean share of wrong answers over all coverages (AURC); that of a useless order is the share of all patients."""
    return float(np.mean(risk_curve(wrong, confidence)))


def risk_curve(
    wrong: Bool[np.ndarray, " patient"], confidence: Float[np.ndarray, " patient"]
) -> Float[np.ndarray, " patient"]:
    """Share of wrong answers if 1, 2, … all patients are answered, the most certain ones first."""
    ordered = wrong[np.argsort(-confidence, kind="stable")]
    return np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
