"""What is written of a patient for viewers and archives, before it is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Bool, Float32

from stroke_ctp.common.errors import UserError
from stroke_ctp.model.explanation import Overlay
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.dicom.source_images import DicomTarget, source_images
from stroke_ctp.scan.standard_grid import on_scan_grid
from stroke_ctp.scan.write_volume import write_like
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction
from stroke_ctp.study.predictions_file import VOLUME_COLUMNS

Planes = Float32[np.ndarray, "level row column"]
Writer = Callable[[Path], None]

_FIRST_SERIES = 9001
"""Series of results are numbered from here, behind those of scanners."""
_VOLUMES = (
    "Core volume",
    "Lower end of the 90 % interval of the core volume",
    "Upper end of the 90 % interval of the core volume",
)
"""Names of `VOLUME_COLUMNS` in a report."""


@dataclass(frozen=True)
class ExchangeResults:
    """Maps and masks in the geometry of a scan."""

    source: Path
    scan: CTPScan
    slices: list[int]
    """Of the levels that it shows, as in `CTPScan.hu`."""
    maps: Mapping[str, tuple[Overlay, Planes]]
    masks: Mapping[str, Bool[np.ndarray, "level row column"]]
    prefix: str
    """Of the names of its files, among those of several scans."""

    @classmethod
    def of(
        cls, findings: PatientFindings, source: Path, scan: CTPScan, slices: Mapping[int, int], prefix: str
    ) -> "ExchangeResults":
        """Bring the findings to the scan's grid.

        Args:
            findings: Maps and masks.
            source: File or folder of the scan.
            scan: What it holds.
            slices: Of the levels that it shows, by their position in the findings.
            prefix: Of the names of its files.
        """
        maps = {
            overlay.name: (overlay, _on_scan(scan, slices, np.nan_to_num(overlay.values)))
            for overlay in (*findings.own, *findings.others)
            if overlay.ends is None
        }
        lesion = dict(zip(("core", "penumbra"), findings.lesion or (), strict=False))
        masks = {name: _on_scan(scan, slices, mask) >= 0.5 for name, mask in lesion.items()}
        return cls(source, scan, list(slices.values()), maps, masks, prefix)

    def nifti_writers(self) -> dict[str, Writer]:
        """What writes each NIfTI file, by its name."""
        values = {f"{name}.nii.gz": self._volume(planes) for name, (_, planes) in self.maps.items()}
        masks = {f"{name}_mask.nii.gz": self._volume(mask).astype(np.uint8) for name, mask in self.masks.items()}
        return {
            self.prefix + name: partial(write_like, volume=volume, source=self.source, scan=self.scan)
            for name, volume in (values | masks).items()
        }

    def dicom_target(self) -> DicomTarget:
        """Where DICOM objects belong; its errors are those of `dicom_writers`."""
        scan = self.scan
        assert scan.placement is not None
        images = source_images(self.source, self.slices)
        return DicomTarget(images, scan.placement, self.slices, scan.spacing)

    def dicom_writers(self, target: DicomTarget, first: int) -> dict[str, Writer]:
        """What writes each map and the masks as a DICOM object, by the name of its file.

        Args:
            target: Where they belong.
            first: Number of the first series.
        """
        dicom = dicom_writer()
        writers: dict[str, Writer] = {}
        if self.masks:
            lesion = {"target": target, "number": first, "masks": self.masks}
            writers[f"{self.prefix}lesion.dcm"] = partial(dicom.write_segmentation, **lesion)
        for number, (name, (overlay, planes)) in enumerate(self.maps.items(), first + 1):
            shown = {"title": overlay.title, "unit": overlay.unit, "values": planes, "window": overlay.window}
            write = partial(dicom.write_parametric_map, target=target, number=number, **shown)
            writers[f"{self.prefix}{name}.dcm"] = write
        return writers

    def _volume(self, planes: Planes | Bool[np.ndarray, "level row column"]) -> Float32[np.ndarray, "slice row column"]:
        """A value for each voxel of the scan; 0 in slices that were not analysed."""
        volume = np.zeros(self.scan.hu.shape[1:], np.float32)
        volume[self.slices] = planes
        return volume


def dicom_writers(results: Sequence[ExchangeResults], prediction: PatientPrediction, made_by: str) -> dict[str, Writer]:
    """What writes each DICOM object of a patient, by the name of its file.

    Args:
        results: Of each scan that shows a level.
        prediction: The answer.
        made_by: Study and model.

    Raises:
        UserError: DICOM objects cannot refer to the images of the scans.
    """
    targets = [one.dicom_target() for one in results]
    images = [image for target in targets for image in target.source]
    if len({image.StudyInstanceUID for image in images}) > 1:
        raise UserError("format=dicom needs the scans of a patient in one study, got several; use format=nifti")
    writers, number = dict[str, Writer](), _FIRST_SERIES + 1
    for one, target in zip(results, targets, strict=True):
        writers |= one.dicom_writers(target, number)
        number += 1 + len(one.maps)
    report = {"answer": _numbers(prediction), "remarks": list(_remarks(prediction)), "made_by": made_by}
    whole = replace(targets[0], source=images)
    return writers | {"report.dcm": partial(dicom_writer().write_report, target=whole, number=_FIRST_SERIES, **report)}


def _numbers(prediction: PatientPrediction) -> dict[str, tuple[float, str]]:
    """Numbers of the answer with their units, by name."""
    assert prediction.probability is not None
    numbers = {"Probability of a large core": (prediction.probability, "")}
    if prediction.calibrated is not None:
        numbers["Calibrated probability of a large core"] = prediction.calibrated, ""
    if prediction.volume is not None:
        titles = zip(VOLUME_COLUMNS, _VOLUMES, strict=True)
        numbers |= {title: (prediction.volume[column], "mL") for column, title in titles}
    return numbers


def _remarks(prediction: PatientPrediction) -> Iterator[tuple[str, str]]:
    """The answer in words, and why there is none."""
    if prediction.answer is not None:
        yield "Size of the core", prediction.answer
    for reason in prediction.declined:
        yield "Reason of no answer", reason


def _on_scan(scan: CTPScan, slices: Mapping[int, int], planes: np.ndarray) -> Planes:
    return np.stack([on_scan_grid(scan, index, planes[level].astype(np.float32)) for level, index in slices.items()])


def dicom_writer() -> ModuleType:
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
