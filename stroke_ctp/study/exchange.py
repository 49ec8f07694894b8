"""Maps, core and penumbra, and the answer of a patient, as files for viewers and archives, in the scan's geometry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Float32

from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import read_json, write_json
from stroke_ctp.common.formats import MapFormat
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.quality import Quality
from stroke_ctp.scan.read import is_nifti, read_scan
from stroke_ctp.scan.standard_grid import on_scan_grid
from stroke_ctp.scan.write_volume import write_like
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction

_FIRST_SERIES = 9001
"""Series of results are numbered from here, behind those of scanners."""
_VOLUMES = {
    "predicted_ml": "Core volume",
    "low_ml": "Lower end of the 90 % interval of the core volume",
    "high_ml": "Upper end of the 90 % interval of the core volume",
}


def refuse_unwritable(patients: Sequence[ManifestPatient], form: MapFormat) -> None:
    """Refuse what cannot be written, before anybody is scored.

    Raises:
        UserError: A scan is no DICOM, a patient has several scans, or highdicom is not installed.
    """
    if form == "none":
        return
    several = next((patient.patient for patient in patients if len(patient.rows) > 1), None)
    if several is not None:
        raise UserError(f"format={form} needs one scan per patient, {several} has several; use format=none")
    nifti = next((row.scan_name for patient in patients for row in patient.rows if is_nifti(Path(row.scan))), None)
    if form == "dicom" and nifti is not None:
        raise UserError(
            f"format=dicom writes objects that refer to the images of a DICOM series, got the NIfTI file {nifti}; "
            "use format=nifti"
        )
    if form == "dicom":
        _dicom()


@dataclass(frozen=True)
class ExchangeFolder:
    """Files of one patient. Only this class names them."""

    folder: Path

    def has(self, key: str) -> bool:
        """Whether the files of this data are there."""
        return self._list.exists() and read_json(self._list)["key"] == key

    def write(
        self,
        patient: ManifestPatient,
        key: str,
        quality: Quality,
        findings: PatientFindings,
        prediction: PatientPrediction,
        made_by: str,
        form: MapFormat,
    ) -> None:
        """Write maps and masks as NIfTI and, for `dicom`, as DICOM objects, with the answer.

        Args:
            patient: With one scan.
            key: Hash of everything that determines the answer.
            quality: Of the series.
            findings: Maps and masks.
            prediction: The answer.
            made_by: Study and model.
            form: nifti or dicom.
        """
        (source,), (row,) = patient.scans(), patient.rows
        scan = read_scan(source, row.frame_interval_s)
        slices = [scan.slice_index(int(quality[f"{level}_slice"] or 0)) for level in LEVELS]
        maps = {
            overlay.name: (overlay.title, overlay.unit, _on_scan(scan, slices, np.nan_to_num(overlay.values)))
            for overlay in (*findings.own, *findings.others)
            if overlay.ends is None
        }
        lesion = dict(zip(("core", "penumbra"), findings.lesion or (), strict=False))
        masks = {name: _on_scan(scan, slices, mask) >= 0.5 for name, mask in lesion.items()}
        for name, (_, _, planes) in maps.items():
            write_like(self.folder / f"{name}.nii.gz", _volume(scan, slices, planes), source, scan)
        for name, mask in masks.items():
            volume = _volume(scan, slices, mask.astype(np.float32)).astype(np.uint8)
            write_like(self.folder / f"{name}_mask.nii.gz", volume, source, scan)
        if form == "dicom":
            self._write_dicom(scan, slices, source, maps, masks, prediction, made_by)
        write_json(self._list, {"key": key, "files": sorted(path.name for path in self.folder.iterdir())})

    def _write_dicom(
        self,
        scan: CTPScan,
        slices: Sequence[int],
        source: Path,
        maps: Mapping[str, tuple[str, str, np.ndarray]],
        masks: Mapping[str, np.ndarray],
        prediction: PatientPrediction,
        made_by: str,
    ) -> None:
        from stroke_ctp.scan.dicom.source_images import source_images

        writer = _dicom()
        assert scan.placement is not None
        target = writer.DicomTarget(source_images(source, slices), scan.placement, slices, scan.spacing)
        for number, (name, (title, unit, planes)) in enumerate(maps.items(), _FIRST_SERIES + 2):
            writer.write_parametric_map(self.folder / f"{name}.dcm", target, number, title, unit, planes)
        if masks:
            writer.write_segmentation(self.folder / "lesion.dcm", target, _FIRST_SERIES + 1, masks)
        writer.write_report(self.folder / "report.dcm", target, _FIRST_SERIES, _answer(prediction), made_by)

    @property
    def _list(self) -> Path:
        return self.folder / "files.json"


def _answer(prediction: PatientPrediction) -> dict[str, tuple[float, str]]:
    """Numbers of the answer with their units, by name."""
    assert prediction.probability is not None
    volume = prediction.volume or {}
    return {"Probability of a large core": (prediction.probability, "")} | {
        _VOLUMES[name]: (value, "mL") for name, value in volume.items()
    }


def _on_scan(scan: CTPScan, slices: Sequence[int], planes: np.ndarray) -> Float32[np.ndarray, "level row column"]:
    return np.stack(
        [on_scan_grid(scan, index, plane.astype(np.float32)) for index, plane in zip(slices, planes, strict=True)]
    )


def _volume(
    scan: CTPScan, slices: Sequence[int], planes: Float32[np.ndarray, "level row column"]
) -> Float32[np.ndarray, "slice row column"]:
    """A value for each voxel of the scan; 0 in slices that were not analysed."""
    volume = np.zeros(scan.hu.shape[1:], np.float32)
    volume[list(slices)] = planes
    return volume


def _dicom() -> ModuleType:
    """The writer of DICOM objects, whose library is optional.

    Raises:
        UserError: It is not installed.
    """
    try:
        from stroke_ctp.scan.dicom import writer
    except ModuleNotFoundError as error:
        if error.name != "highdicom":
            raise
        raise UserError(
            "format=dicom needs highdicom, which is not installed; pip install 'stroke_ctp[dicom]'"
        ) from None
    return writer
