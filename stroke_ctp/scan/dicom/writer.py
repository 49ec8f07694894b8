"""Results as DICOM objects that refer to the images of their scan: Parametric Map, Segmentation, Structured Report.

Each object carries patient and study of its source, so that an archive files it there, and says that it is for
research. It copies nothing else of the source, see `source_images`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from jaxtyping import Bool, Float32
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from stroke_ctp import __version__
from stroke_ctp.common.files import atomic_write
from stroke_ctp.scan.dicom.source_images import DicomTarget

_RESEARCH = "Research use only"
_OWN_CODES = "99STROKECTP"
"""Scheme of what no standard codes."""
_UNITS = {
    "": Code("1", "UCUM", "no units"),
    "s": Code("s", "UCUM", "second"),
    "mL": Code("mL", "UCUM", "milliliter"),
    "mL/100 mL": Code("mL/(100.mL)", "UCUM", "mL per 100 mL"),
    "mL/100 mL/min": Code("mL/(100.mL)/min", "UCUM", "mL per 100 mL per min"),
}
_SEGMENTS = {
    "core": ("Ischemic core", Code("55641003", "SCT", "Infarct")),
    "penumbra": ("Penumbra", Code("52674009", "SCT", "Ischemia")),
}
_CT_OF_HEAD = Code("303653007", "SCT", "Computed tomography of head")


def write_parametric_map(
    path: Path,
    target: DicomTarget,
    number: int,
    title: str,
    unit: str,
    values: Float32[np.ndarray, "level row column"],
    window: tuple[float, float],
) -> None:
    """Write a map of the levels as a Parametric Map.

    Args:
        path: File.
        target: Where it belongs.
        number: Of the series.
        title: Of the map.
        unit: In UCUM's spirit, one of those that maps have; empty for a plain number.
        values: NaN where there are none.
        window: Values of the first and of the last grey level.
    """
    low, high = window
    shown = hd.VOILUTTransformation((low + high) / 2, high - low, voi_lut_function="LINEAR_EXACT")
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=title[:16],
        lut_explanation=title,
        unit=_UNITS[unit],
        value_range=(-1e9, 1e9),
        slope=1.0,
        intercept=0.0,
    )
    written = hd.pm.ParametricMap(
        target.source,
        values,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[shown],
        contains_recognizable_visual_features=False,
        content_label="PERFUSION",
        content_description=f"{title}. {_RESEARCH}"[:64],
        series_description=f"{title}. {_RESEARCH}"[:64],
        **_identified(number),
        **_geometry(target),
    )
    _save(path, written)


def write_segmentation(
    path: Path, target: DicomTarget, number: int, masks: Mapping[str, Bool[np.ndarray, "level row column"]]
) -> None:
    """Write core and penumbra as a Segmentation; arguments as of `write_parametric_map`, masks by `_SEGMENTS`."""
    described = [
        hd.seg.SegmentDescription(
            segment_number=segment,
            segment_label=_SEGMENTS[name][0],
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=_SEGMENTS[name][1],
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                "stroke_ctp", codes.cid7162.ArtificialIntelligence, __version__
            ),
        )
        for segment, name in enumerate(masks, start=1)
    ]
    written = hd.seg.Segmentation(
        target.source,
        np.stack(list(masks.values()), axis=-1).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        omit_empty_frames=False,
        content_label="LESION",
        content_description=f"Core and penumbra. {_RESEARCH}",
        series_description=f"Core and penumbra. {_RESEARCH}",
        **_identified(number),
        **_geometry(target),
    )
    _save(path, written)


def write_report(
    path: Path,
    target: DicomTarget,
    number: int,
    answer: Mapping[str, tuple[float, str]],
    remarks: Sequence[tuple[str, str]],
    made_by: str,
) -> None:
    """Write the answer as a Structured Report of template TID 1500.

    Args:
        path: File.
        target: Where it belongs.
        number: Of the series.
        answer: Value and unit of each number, by its name.
        remarks: Names and sentences that belong to the numbers.
        made_by: Study and model.
    """
    device = hd.sr.ObserverContext(
        codes.DCM.Device, hd.sr.DeviceObserverIdentifyingAttributes(uid=hd.UID(), name="stroke_ctp")
    )
    measurements = [hd.sr.Measurement(_own_code(name), value, _UNITS[unit]) for name, (value, unit) in answer.items()]
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(hd.UID(), f"{_RESEARCH}: not for diagnosis or treatment"),
        algorithm_id=hd.sr.AlgorithmIdentification("stroke_ctp", __version__, [made_by]),
        measurements=measurements,
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image) for image in target.source],
    )
    contained = hd.sr.RelationshipTypeValues.CONTAINS
    texts = [hd.sr.TextContentItem(_own_code(name), text, contained) for name, text in remarks]
    group[0].ContentSequence.extend(texts)  # highdicom names no row of the template for them, which may be extended
    content = hd.sr.MeasurementReport(
        hd.sr.ObservationContext(observer_device_context=device), _CT_OF_HEAD, imaging_measurements=[group]
    )
    written = hd.sr.ComprehensiveSR(
        target.source,
        content[0],
        is_complete=True,
        series_description=f"Large-core classification. {_RESEARCH}",
        **{key: value for key, value in _identified(number).items() if key not in _NOT_OF_REPORTS},
    )
    _save(path, written)


def _geometry(target: DicomTarget) -> dict[str, Any]:
    """Of frames in patient axes, by name of highdicom's arguments."""
    axes, origin, source = target.placement.direction, target.placement.origin, target.source[0]
    positions = [origin + axes[:, 2] * target.spacing[0] * index for index in target.slices]
    patient = hd.CoordinateSystemNames.PATIENT
    return {
        "pixel_measures": hd.PixelMeasuresSequence(target.spacing[1:], source.get("SliceThickness") or 1.0),
        "plane_orientation": hd.PlaneOrientationSequence(patient, [*axes[:, 0], *axes[:, 1]]),
        "plane_positions": [hd.PlanePositionSequence(patient, position.tolist()) for position in positions],
    }


def _own_code(name: str) -> Code:
    return Code(name.upper().replace(" ", "_")[:16], _OWN_CODES, name)


_NOT_OF_REPORTS = ("manufacturer_model_name", "software_versions", "device_serial_number")


def _identified(number: int) -> dict[str, Any]:
    """A new instance, alone in its series."""
    return {
        "series_instance_uid": hd.UID(),
        "series_number": number,
        "sop_instance_uid": hd.UID(),
        "instance_number": 1,
        "manufacturer": "stroke_ctp",
        "manufacturer_model_name": "stroke_ctp",
        "software_versions": __version__,
        "device_serial_number": "none",
        "transfer_syntax_uid": ExplicitVRLittleEndian,
    }


def _save(path: Path, written: Dataset) -> None:
    with atomic_write(path) as partial:
        written.save_as(partial, enforce_file_format=True)
