"""What the out-of-fold predictions of a model say of its probabilities: calibration, thresholds, distribution."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.statistics.conformal import plausible_classes
from stroke_ctp.statistics.labels import Labels
from stroke_ctp.statistics.operating_points import Threshold, majority, threshold_at
from stroke_ctp.statistics.recalibration import Platt
from stroke_ctp.study.predictions import labels_and_scores

_YOUDEN, _SENSITIVITY = "youden", "sensitivity_"


@dataclass(frozen=True, config=STRICT)
class MemberPoint:
    """An operating point: the threshold that every member applies before the majority decides."""

    sensitivity: float | None
    """That the threshold reaches on validation patients; None for Youden's."""
    threshold: Threshold

    @property
    def name(self) -> str:
        """In tables and files: `youden`, or `sensitivity_0.9`."""
        return _YOUDEN if self.sensitivity is None else f"{_SENSITIVITY}{self.sensitivity:g}"


def point_title(name: str) -> str:
    """The threshold of an operating point in words, by the point's name."""
    sensitivity = name.removeprefix(_SENSITIVITY)
    return "Youden's threshold" if name == _YOUDEN else f"the threshold for a sensitivity of {sensitivity}"


@dataclass(frozen=True, config=STRICT)
class Reference:
    """The patients of a study, each predicted by the member that was tested on it, and what was fitted on them."""

    labels: list[int]
    """Classes in ascending order of probability: who the patients are is not told."""
    probability: list[float]
    """By the members that had not seen the patient, one for each seed."""
    calibration: Platt | None
    """Fitted on these; None if all patients are of one class."""
    points: list[MemberPoint]
    """Chosen on the validation patients of all folds. The first one gives the answer."""

    @classmethod
    def of(cls, folds: pd.DataFrame, sensitivity: float) -> "Reference":
        """Fit to a model's predictions.

        Args:
            folds: Rows of all validation and test folds, from `read_folds`.
            sensitivity: Of the second operating point, on validation patients.
        """
        tested = folds[folds["split"] == "test"]
        # The cross-validation may be repeated: a patient is then tested once in each.
        patients = tested.groupby("patient", sort=False)[["label", "probability"]].mean().reset_index()
        labels, scores = labels_and_scores(patients)
        order = np.lexsort((labels, scores))
        validated = labels_and_scores(folds[folds["split"] == "validation"])
        return cls(
            labels[order].tolist(),
            scores[order].tolist(),
            Platt.fit(*labels_and_scores(tested)),
            [MemberPoint(aim, threshold_at(*validated, aim)) for aim in (None, sensitivity)],
        )

    def calibrated(self, members: Mapping[str, float]) -> float | None:
        """Calibrated probability of a patient: the mean of the members' own, each calibrated as a single model is.

        Args:
            members: Probabilities by the members that scored the patient.
        """
        return None if self.calibration is None else float(self.calibration.of(_values(members)).mean())

    def classes(self, members: Mapping[str, float]) -> dict[str, bool | None]:
        """Whether the core is called large at each operating point; None where validation defined no threshold."""
        return {
            point.name: None
            if point.threshold.value is None
            else bool(majority(_values(members)[:, None], point.threshold.value)[0])
            for point in self.points
        }

    def settles(self, members: Mapping[str, float], large: bool, error: float) -> bool:
        """Whether the class that a patient is called is plausible and the other is not, at a share of errors."""
        labels: Labels = np.array(self.labels)
        return plausible_classes(labels, np.array(self.probability), _values(members).mean(), error).settle(large)


def _values(members: Mapping[str, float]) -> Any:
    return np.array(list(members.values()))
