"""What a command writes of each patient whom it scores, beside the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.origin import ORIGIN, SIMULATED
from stroke_ctp.reporting.patient_page import PatientCase, page_mark, write_patient_page
from stroke_ctp.study.out_of_fold import OutOfFold
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction, PredictionFolder
from stroke_ctp.study.predictor import Predictor


@dataclass(frozen=True)
class PatientOutputs:
    """Writes the page of each patient, once."""

    predictor: Predictor
    folder: PredictionFolder
    reference: OutOfFold
    made_with: Mapping[str, Any]
    """Study, model, members, versions."""

    def has(self, patient: ManifestPatient, key: str) -> bool:
        """Whether all is written, of the same data.

        Args:
            patient: Of a manifest, or the only one.
            key: Hash of everything that determines the prediction.
        """
        page = self.folder.page(_number(patient))
        return page.exists() and str(page_mark(key)) in page.read_text("utf-8")

    def write(
        self,
        patient: ManifestPatient,
        key: str,
        series: StandardSeries,
        prediction: PatientPrediction,
        folds: Sequence[int],
    ) -> None:
        """Explain the answer for a patient, and write it.

        Args:
            patient: Of a manifest, or the only one.
            key: Hash of everything that determines the prediction.
            series: Standard series.
            prediction: The answer, with probabilities.
            folds: Members that gave it.
        """
        case = PatientCase(
            patient.patient or patient.rows[0].scan_name,
            series,
            prediction,
            PatientFindings.of(self.predictor, series.hu, folds),
            self.predictor.endpoint,
            self.reference,
            self.made_with,
            patient.carried.get(ORIGIN) == SIMULATED,
        )
        write_patient_page(self.folder.page(_number(patient)), case, key)


def _number(patient: ManifestPatient) -> int | None:
    """Position in a manifest; None for the only patient, who has no name."""
    return patient.number if patient.patient else None
