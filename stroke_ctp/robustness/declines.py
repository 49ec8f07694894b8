"""What declining buys on degraded scans: wrong answers among those who are answered, and among those who are not.

An answer is the class that the calibrated probability makes the more likely one. A scan that cannot become a series is
declined; the answer that it would get is the more frequent class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from stroke_ctp.robustness.axes import AXES
from stroke_ctp.statistics.labels import Labels

GOOD, INSIDE, BEYOND = "good scans", "within the range of training", "beyond it"
KINDS = (GOOD, INSIDE, BEYOND)


@dataclass(frozen=True)
class DeclinedScans:
    """All scans of a stress test, as one model answers them."""

    model: str
    kind: tuple[str, ...]
    """Of `KINDS`, for each scan."""
    wrong: Bool[np.ndarray, " scan"]
    """Whether the answer is the wrong class."""
    certainty: Float[np.ndarray, " scan"]
    """Distance of the calibrated probability from 1/2."""
    declined: Bool[np.ndarray, " scan"]

    def of(self, kind: str) -> "DeclinedScans":
        """The scans of one kind."""
        chosen = np.array([one == kind for one in self.kind], bool)
        own = tuple(one for one in self.kind if one == kind)
        return DeclinedScans(self.model, own, self.wrong[chosen], self.certainty[chosen], self.declined[chosen])

    @property
    def n(self) -> int:
        """Number of scans."""
        return len(self.wrong)

    @property
    def wrong_answered(self) -> float | None:
        """Share of wrong answers among scans that are answered; None if there are none."""
        return _share(self.wrong[~self.declined])

    @property
    def wrong_declined(self) -> float | None:
        """Share of wrong answers among those that are declined, had they been given; None if there are none."""
        return _share(self.wrong[self.declined])

    @property
    def confidence(self) -> Float[np.ndarray, " scan"]:
        """For the order in which scans are answered: those that are declined come last, else the certain ones first."""
        return self.certainty - self.declined


def declined_scans(
    scores: pd.DataFrame, labels: Labels, share_large: float, models: Sequence[str]
) -> tuple[DeclinedScans, ...]:
    """Scans by model; none if no probability was recalibrated, or nobody is declined.

    Args:
        scores: The table of scores.
        labels: Of the patients.
        share_large: Of large cores among the training patients: the answer to a scan without a series.
        models: Names of those that were tried.
    """
    return tuple(_declined_scans(scores, labels, share_large, models))


def _declined_scans(
    scores: pd.DataFrame, labels: Labels, share_large: float, models: Sequence[str]
) -> Iterator[DeclinedScans]:
    if scores["calibrated"].isna().all() or not scores["declined"].astype(bool).any():
        return
    kinds = [_kind(axis, level) for axis, level in zip(scores["axis"], scores["level"], strict=True)]
    table = scores.assign(kind=kinds, large=labels[scores["patient"]])
    for model in models:
        own = table[table["model"] == model]
        calibrated = own["calibrated"].fillna(share_large).to_numpy(float)
        declined = own["declined"].astype(bool) | own["probability"].isna()
        wrong = (calibrated > 0.5) != (own["large"].to_numpy(int) == 1)
        yield DeclinedScans(model, tuple(own["kind"]), wrong, np.abs(calibrated - 0.5), declined.to_numpy(bool))


def _kind(axis: str, level: float) -> str:
    if not axis:
        return GOOD
    low, high = AXES[axis].trained
    return INSIDE if low <= level <= high else BEYOND


def _share(wrong: Bool[np.ndarray, " scan"]) -> float | None:
    return float(wrong.mean()) if len(wrong) else None
