"""What a command writes of each patient whom it scores, beside the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.formats import MapFormat
from stroke_ctp.common.origin import ORIGIN, SIMULATED
from stroke_ctp.reporting.page_mark import page_mark
from stroke_ctp.study.exchange import ExchangeFolder
from stroke_ctp.study.out_of_fold import OutOfFold
from stroke_ctp.study.prediction_folder import PatientPrediction, PredictionFolder
from stroke_ctp.study.predictor import Predictor


@dataclass(frozen=True)
class PatientOutputs:
    """Writes the page of each patient, and maps for viewers and archives, once."""

    predictor: Predictor
    folder: PredictionFolder
    made_with: Mapping[str, Any]
    """Study, model, members, versions."""
    reference: OutOfFold | None
    """For pages; None for no page."""
    form: MapFormat
    """Of maps."""

    def has(self, patient: ManifestPatient, key: str) -> bool:
        """Whether all is written, of the same data.

        Args:
            patient: Of a manifest, or the only one.
            key: Hash of everything that determines the prediction.
        """
        return self._has_page(patient, key) and (self.form == "none" or self._exchange(patient).has(key, self.form))

    def remove_others(self, keys: Mapping[int, str]) -> None:
        """Remove what earlier commands wrote of other patients or of other data.

        Args:
            keys: As of `has`, of all patients by number.
        """
        for number in set(self.folder.written()):
            key, page = keys.get(1 if number is None else number), self.folder.page(number)
            if page_mark(page) not in (None, key):
                page.unlink()
            ExchangeFolder(self.folder.maps(number)).remove_others(key)

    def write(
        self,
        patient: ManifestPatient,
        key: str,
        series: StandardSeries,
        prediction: PatientPrediction,
        members: Sequence[int],
    ) -> None:
        """Explain the answer for a patient, and write it where anything is to be written.

        Args:
            patient: Of a manifest, or the only one.
            key: Hash of everything that determines the prediction.
            series: Standard series.
            prediction: The answer, with probabilities.
            members: Those that gave it.
        """
        if self.reference is None and self.form == "none":
            return
        from stroke_ctp.study.patient_findings import PatientFindings  # loads SciPy's signal processing

        findings = PatientFindings.of(self.predictor, series.hu, members)
        if self.reference is not None:
            from stroke_ctp.reporting.patient_page import PatientCase, write_patient_page  # loads Matplotlib

            case = PatientCase(
                patient.patient or patient.rows[0].scan_name,
                series,
                prediction,
                findings,
                self.predictor.endpoint,
                self.reference,
                self.made_with,
                patient.carried.get(ORIGIN) == SIMULATED,
            )
            write_patient_page(self.folder.page(_number(patient)), case, key)
        if self.form != "none":
            made_by = f"study {self.made_with['study']}, model {self.made_with['model']}"
            self._exchange(patient).write(patient, key, series, findings, prediction, made_by, self.form)

    def _has_page(self, patient: ManifestPatient, key: str) -> bool:
        return self.reference is None or page_mark(self.folder.page(_number(patient))) == key

    def _exchange(self, patient: ManifestPatient) -> ExchangeFolder:
        return ExchangeFolder(self.folder.maps(_number(patient)))


def _number(patient: ManifestPatient) -> int | None:
    """Position in a manifest; None for the only patient, who has no name."""
    return patient.number if patient.patient else None
