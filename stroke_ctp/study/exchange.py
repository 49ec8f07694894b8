"""Maps, core and penumbra, and the answer of a patient, as files for viewers and archives, in the scan's geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic.dataclasses import dataclass as checked

from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import write_json
from stroke_ctp.common.formats import MapFormat
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.scan.read import is_nifti, read_scan
from stroke_ctp.study.prediction_folder import PatientPrediction

if TYPE_CHECKING:
    from stroke_ctp.study.exchange_results import ExchangeResults
    from stroke_ctp.study.patient_findings import PatientFindings


def refuse_unwritable(patients: Sequence[ManifestPatient], form: MapFormat) -> None:
    """Refuse what cannot be written, before anybody is scored.

    Raises:
        UserError: A scan is no DICOM, or highdicom is not installed.
    """
    if form != "dicom":
        return
    nifti = next((row.scan_name for patient in patients for row in patient.rows if is_nifti(Path(row.scan))), None)
    if nifti is not None:
        raise UserError(
            f"format=dicom writes objects that refer to the images of a DICOM series, got the NIfTI file {nifti}; "
            "use format=nifti"
        )
    from stroke_ctp.study.exchange_results import dicom_writer  # loads pydicom

    dicom_writer()


@checked(frozen=True, config=STRICT)
class _Written:
    """What a command has left in the folder of a patient."""

    key: str
    """Hash of everything that determines the answer."""
    form: MapFormat
    files: list[str]


@dataclass(frozen=True)
class ExchangeFolder:
    """Files of one patient. Only `ExchangeResults` names them."""

    folder: Path

    def has(self, key: str, form: MapFormat) -> bool:
        """Whether the files of this data are there, in this format."""
        found = self._written()
        if found is None or (found.key, found.form) != (key, form):
            return False
        return all(path.exists() for path in self._paths(found))

    def remove_others(self, key: str | None) -> None:
        """Remove the files of all data but this; None for all."""
        found = self._written()
        if found is None or found.key == key:
            return
        for path in (*self._paths(found), self._list):
            path.unlink(missing_ok=True)

    def write(
        self,
        patient: ManifestPatient,
        key: str,
        series: StandardSeries,
        findings: "PatientFindings",
        prediction: PatientPrediction,
        made_by: str,
        form: MapFormat,
    ) -> None:
        """Write maps and masks as NIfTI and, for `dicom`, as DICOM objects, with the answer.

        Files of an earlier command are removed. The list of files is written first: files that it names and that are
        missing tell a command that was interrupted.

        Args:
            patient: Whose scans show the levels.
            key: Hash of everything that determines the answer.
            series: Made of the scans.
            findings: Maps and masks.
            prediction: The answer.
            made_by: Study and model.
            form: nifti or dicom.

        Raises:
            UserError: DICOM objects cannot refer to the images of the scans.
        """
        results = [_results(patient, number, series, findings) for number in sorted(set(series.scans))]
        writers = {name: write for one in results for name, write in one.nifti_writers().items()}
        if form == "dicom":
            from stroke_ctp.study.exchange_results import dicom_writers

            writers |= dicom_writers(results, prediction, made_by)
        self.remove_others(None)
        write_json(self._list, {"key": key, "form": form, "files": sorted(writers)})
        for name, write in writers.items():
            write(self.folder / name)

    def _written(self) -> _Written | None:
        """What the list says; None without one, or if it is damaged."""
        try:
            return read_record(self._list, _Written, "")
        except UserError:
            return None

    def _paths(self, written: _Written) -> list[Path]:
        return [self.folder / Path(name).name for name in written.files]

    @property
    def _list(self) -> Path:
        return self.folder / "files.json"


def _results(
    patient: ManifestPatient, number: int, series: StandardSeries, findings: "PatientFindings"
) -> "ExchangeResults":
    """Maps and masks of the levels that one of the patient's scans shows."""
    from stroke_ctp.study.exchange_results import ExchangeResults  # loads pydicom and SciPy's signal processing

    shown = [level for level, scan in enumerate(series.scans) if scan == number]
    source, row = patient.scans()[number], patient.rows[number]
    scan = read_scan(source, row.frame_interval_s)
    slices = {level: scan.slice_index(int(series.quality[f"{LEVELS[level]}_slice"] or 0)) for level in shown}
    prefix = f"scan-{number + 1}-" if len(shown) < len(LEVELS) else ""
    return ExchangeResults.of(findings, source, scan, slices, prefix)
