"""What `python -m stroke_ctp.predict` writes. Only this module names its files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stroke_ctp.cohort.patient_records import PatientRecords
from stroke_ctp.common.files import atomic_write, write_json
from stroke_ctp.scan.quality import Quality

NOT_ASSESSABLE = "not assessable"
"""Answer for a patient who is not like those of the training, or between both classes."""


@dataclass(frozen=True)
class PatientPrediction:
    """The answer for one patient: probabilities, or the reason why there are none."""

    patient: str
    members: dict[str, float]
    """Probability of a large core by each member that scored the patient, by its name."""
    quality: Quality
    """Of the series, as in a cohort's `quality.csv`."""
    stage: str | None = None
    """Where the patient failed; None for one with probabilities."""
    reason: str | None = None
    """Why the patient cannot be scored."""
    volume: dict[str, float] | None = None
    """`VOLUME_COLUMNS`, means of the members [mL]; None if the model predicts no volumes."""
    calibrated: float | None = None
    """Calibrated probability of a large core; None if the study allows no calibration."""
    classes: dict[str, bool | None] = field(default_factory=dict)
    """Whether the core is called large, by operating point; the first one gives the answer."""
    declined: list[str] = field(default_factory=list)
    """Why the patient is not assessable; the numbers stay. Empty for one who is."""
    in_training: bool = False
    """Whether the series is that of a patient whom the members were trained on."""
    out_of_fold: bool = False
    """Whether the patient is of the training cohort and was scored by members that had not seen the patient."""

    @property
    def probability(self) -> float | None:
        """Mean of the members."""
        return float(np.mean(list(self.members.values()))) if self.members else None

    @property
    def spread(self) -> float | None:
        """Standard deviation between the members; None if there are fewer than two."""
        return float(np.std(list(self.members.values()), ddof=1)) if len(self.members) > 1 else None

    @property
    def answer(self) -> str | None:
        """`large`, `small` or `not assessable`; None for a patient who was not scored, or without a threshold."""
        if self.declined:
            return NOT_ASSESSABLE
        return _size(next(iter(self.classes.values()), None))


class PredictionFolder:
    """Predictions of new patients: `predictions.csv`, `predictions.json` and pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table, self.content = folder / "predictions.csv", folder / "predictions.json"
        self._records = PatientRecords(folder / ".records")

    def page(self, number: int | None = None) -> Path:
        """The page of a patient of a manifest, or of the only patient."""
        return self.folder / ("patient.html" if number is None else f"pages/patient-{number:05d}.html")

    def written(self) -> Iterator[int | None]:
        """Patients of whom there may be a page or maps, by position in a manifest; None for the only patient."""
        yield None
        for path in (*self.folder.glob("pages/patient-*.html"), *self.folder.glob("maps/patient-*")):
            number = path.stem.removeprefix("patient-")
            if number.isdecimal():
                yield int(number)

    def maps(self, number: int | None = None) -> Path:
        """Folder of the maps of a patient of a manifest, or of the only patient."""
        return self.folder / "maps" / ("" if number is None else f"patient-{number:05d}")

    def finished(self, number: int, key: str) -> PatientPrediction | None:
        """What an earlier command has predicted for a patient from the same data."""
        return self._records.read(number, key, PatientPrediction)

    def record(self, number: int, key: str, prediction: PatientPrediction) -> None:
        """Keep the probabilities of one patient, so that the command can continue.

        Args:
            number: Of the patient.
            key: Hash of everything that determines the prediction.
            prediction: The answer.
        """
        self._records.write(number, key, asdict(prediction))

    def write(self, predictions: Sequence[PatientPrediction], made_with: Mapping[str, Any]) -> None:
        """Write the predictions of all patients.

        Args:
            predictions: One per patient.
            made_with: Study, model, endpoint, versions.
        """
        with atomic_write(self.table) as partial:
            pd.DataFrame([_row(one) for one in predictions]).to_csv(partial, index=False)
        derived = ("answer", "probability", "spread")
        answers = [{name: getattr(one, name) for name in derived} | asdict(one) for one in predictions]
        write_json(self.content, {**made_with, "predictions": answers})
        self._records.remove_others(range(1, len(predictions) + 1))


def _row(one: PatientPrediction) -> dict[str, Any]:
    members = {f"fold_{fold}": probability for fold, probability in one.members.items()}
    return {
        "patient": one.patient,
        "answer": one.answer,
        "probability": one.probability,
        "spread": one.spread,
        "calibrated": one.calibrated,
        **{point: _size(large) for point, large in one.classes.items()},
        "declined": "; ".join(one.declined) or None,
        "stage": one.stage,
        "reason": one.reason,
        **(one.volume or {}),
        **members,
        **one.quality,
    }


def _size(large: bool | None) -> str | None:
    """A class in words."""
    return None if large is None else ("large" if large else "small")
