"""Maps, core and penumbra, and the answer of a patient, as files for viewers and archives, in the scan's geometry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Bool, Float32
from pydantic.dataclasses import dataclass as checked

from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import write_json
from stroke_ctp.common.formats import MapFormat
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.model.explanation import Overlay
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.quality import Quality
from stroke_ctp.scan.read import is_nifti, read_scan
from stroke_ctp.scan.standard_grid import on_scan_grid
from stroke_ctp.scan.write_volume import write_like
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction

Planes = Float32[np.ndarray, "level row column"]
Writer = Callable[[Path], None]

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


@checked(frozen=True, config=STRICT)
class _Written:
    """What a command has left in the folder of a patient."""

    key: str
    """Hash of everything that determines the answer."""
    form: MapFormat
    files: list[str]


@dataclass(frozen=True)
class ExchangeFolder:
    """Files of one patient. Only this class names them."""

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
        quality: Quality,
        findings: PatientFindings,
        prediction: PatientPrediction,
        made_by: str,
        form: MapFormat,
    ) -> None:
        """Write maps and masks as NIfTI and, for `dicom`, as DICOM objects, with the answer.

        Files of an earlier command are removed. The list of files is written first: files that it names and that are
        missing tell a command that was interrupted.

        Args:
            patient: With one scan.
            key: Hash of everything that determines the answer.
            quality: Of the series.
            findings: Maps and masks.
            prediction: The answer.
            made_by: Study and model.
            form: nifti or dicom.

        Raises:
            UserError: DICOM objects cannot refer to the scan's images.
        """
        (source,), (row,) = patient.scans(), patient.rows
        scan = read_scan(source, row.frame_interval_s)
        results = _Results.of(findings, source, scan, [int(quality[f"{level}_slice"] or 0) for level in LEVELS])
        writers = results.nifti_writers()
        if form == "dicom":
            writers |= results.dicom_writers(prediction, made_by)
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


@dataclass(frozen=True)
class _Results:
    """Maps and masks in the geometry of a scan."""

    source: Path
    scan: CTPScan
    slices: list[int]
    """Of both levels, as in `CTPScan.hu`."""
    maps: Mapping[str, tuple[Overlay, Planes]]
    masks: Mapping[str, Bool[np.ndarray, "level row column"]]

    @classmethod
    def of(cls, findings: PatientFindings, source: Path, scan: CTPScan, levels: Sequence[int]) -> "_Results":
        """Bring the findings to the scan's grid.

        Args:
            findings: Maps and masks.
            source: File or folder of the scan.
            scan: What it holds.
            levels: Slices of both levels, as the manifest counts them.
        """
        slices = [scan.slice_index(level) for level in levels]
        maps = {
            overlay.name: (overlay, _on_scan(scan, slices, np.nan_to_num(overlay.values)))
            for overlay in (*findings.own, *findings.others)
            if overlay.ends is None
        }
        lesion = dict(zip(("core", "penumbra"), findings.lesion or (), strict=False))
        masks = {name: _on_scan(scan, slices, mask) >= 0.5 for name, mask in lesion.items()}
        return cls(source, scan, slices, maps, masks)

    def nifti_writers(self) -> dict[str, Writer]:
        """What writes each NIfTI file, by its name."""
        values = {f"{name}.nii.gz": self._volume(planes) for name, (_, planes) in self.maps.items()}
        masks = {f"{name}_mask.nii.gz": self._volume(mask).astype(np.uint8) for name, mask in self.masks.items()}
        return {
            name: partial(write_like, volume=volume, source=self.source, scan=self.scan)
            for name, volume in (values | masks).items()
        }

    def dicom_writers(self, prediction: PatientPrediction, made_by: str) -> dict[str, Writer]:
        """What writes each DICOM object, by the name of its file; errors and arguments as of `ExchangeFolder.write`."""
        from stroke_ctp.scan.dicom.source_images import source_images

        dicom, scan = _dicom(), self.scan
        assert scan.placement is not None
        target = dicom.DicomTarget(source_images(self.source, self.slices), scan.placement, self.slices, scan.spacing)
        writers: dict[str, Writer] = {}
        for number, (name, (overlay, planes)) in enumerate(self.maps.items(), _FIRST_SERIES + 2):
            shown = {"title": overlay.title, "unit": overlay.unit, "values": planes}
            writers[f"{name}.dcm"] = partial(dicom.write_parametric_map, target=target, number=number, **shown)
        if self.masks:
            lesion = {"target": target, "number": _FIRST_SERIES + 1, "masks": self.masks}
            writers["lesion.dcm"] = partial(dicom.write_segmentation, **lesion)
        report = {"target": target, "number": _FIRST_SERIES, "answer": _answer(prediction), "made_by": made_by}
        return writers | {"report.dcm": partial(dicom.write_report, **report)}

    def _volume(self, planes: Planes | Bool[np.ndarray, "level row column"]) -> Float32[np.ndarray, "slice row column"]:
        """A value for each voxel of the scan; 0 in slices that were not analysed."""
        volume = np.zeros(self.scan.hu.shape[1:], np.float32)
        volume[self.slices] = planes
        return volume


def _answer(prediction: PatientPrediction) -> dict[str, tuple[float, str]]:
    """Numbers of the answer with their units, by name."""
    assert prediction.probability is not None
    volume = prediction.volume or {}
    return {"Probability of a large core": (prediction.probability, "")} | {
        _VOLUMES[name]: (value, "mL") for name, value in volume.items()
    }


def _on_scan(scan: CTPScan, slices: Sequence[int], planes: np.ndarray) -> Planes:
    return np.stack(
        [on_scan_grid(scan, index, plane.astype(np.float32)) for index, plane in zip(slices, planes, strict=True)]
    )


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
