"""Headers of single frames, classic (one per file) or enhanced (functional groups), in one form."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from stroke_ctp.common.errors import Excluded
from stroke_ctp.scan.dicom.clocks import (
    CLOCKS,
    CONTENT_CLOCKS,
    MID_SCAN_TIME,
    seconds_of_date,
    seconds_of_date_time,
    seconds_of_day,
)
from stroke_ctp.scan.dicom.ct_files import ImageFile
from stroke_ctp.scan.dicom.header_fields import HeaderFields

_ORDERS = (("TemporalPositionIndex", "TemporalPositionIdentifier"), ("FrameAcquisitionNumber", "AcquisitionNumber"))
_MATRIX = (16, 4096)
_NO_HU = re.compile(r"(?!HU|US|$)", re.IGNORECASE)
"""Rescale types of maps; CT has HU, HU_MOD or none; US means unspecified (PS3.3 C.11.1.1.2)."""


@dataclass(frozen=True)
class Frame:
    """One image of one slice at one time."""

    name: str
    """File, from the scan's folder."""
    path: Path
    index: int
    """Of the frame in its file."""
    instance: str
    """Identifier of the frame; copies of a file share it."""
    series: str
    syntax: str
    """Transfer syntax of the pixels, empty if the file does not state it."""
    protocol: tuple[str, ...]
    """Attributes that all frames of an acquisition share, even if it is split into several series."""
    shape: tuple[int, int]
    """Rows and columns."""
    spacing: tuple[float, float]
    """Distance between rows and between columns [mm]."""
    thickness: float
    """Of the slice, 0 if unknown [mm]."""
    orientation: tuple[float, ...]
    """Direction in which the column index grows, then the row index (LPS)."""
    position: tuple[float, ...]
    """Centre of the first pixel [mm, LPS]."""
    rescale: tuple[float, float]
    """Slope and intercept, from stored values to HU."""
    bits_stored: int
    padding: tuple[int, int] | None
    """Range of stored values outside the field of view."""
    times: tuple[float | None, ...]
    """By each of `CLOCKS` [s]."""
    numbers: tuple[float | None, ...]
    """Temporal position, acquisition number, instance number."""


def read_frames(file: ImageFile) -> list[Frame]:
    """The frames of a file, without localizers and maps.

    Raises:
        Excluded: The header lacks an attribute or holds an impossible value.
    """
    header = file.header
    own = _sequence(header, "PerFrameFunctionalGroupsSequence", file.name)
    shared = _sequence(header, "SharedFunctionalGroupsSequence", file.name)[:1]
    fields = [HeaderFields(file.name, (groups, *shared, header)) for groups in own] or [
        HeaderFields(file.name, (header,))
    ]
    n_frames = int(fields[0].number("NumberOfFrames", 1.0))
    if n_frames != len(fields):
        raise Excluded(
            "reading", f"{file.name} must describe each of its {n_frames} frames, got {len(fields)}; export it again"
        )
    return [_frame(file, field, index) for index, field in enumerate(fields) if _is_ct(field)]


def _sequence(header: Dataset, keyword: str, name: str) -> list[Dataset]:
    try:
        return list(header.get(keyword) or [])
    except Exception:
        raise Excluded("reading", f"{keyword} of file {name} cannot be read; export the scan again") from None


def _is_ct(fields: HeaderFields) -> bool:
    """Whether a frame shows attenuation: neither localizer nor map."""
    return "LOCALIZER" not in fields.text("ImageType") and not _NO_HU.match(fields.text("RescaleType"))


def _frame(file: ImageFile, fields: HeaderFields, index: int) -> Frame:
    return Frame(
        name=file.name,
        path=file.path,
        index=index,
        instance=f"{fields.text('SOPInstanceUID') or file.name} {index}",
        series=fields.text("SeriesInstanceUID"),
        syntax=HeaderFields(file.name, (file.header.file_meta,)).text("TransferSyntaxUID"),
        protocol=_protocol(fields),
        shape=_shape(fields),
        spacing=_spacing(fields),
        thickness=max(0.0, fields.number_or_none("SliceThickness") or 0.0),
        orientation=_orientation(fields),
        position=fields.numbers("ImagePositionPatient", 3),
        rescale=_rescale(fields),
        bits_stored=_bits_stored(fields),
        padding=_padding(fields),
        times=tuple(_time(fields, clock) for clock in CLOCKS),
        numbers=(*(_first_number(fields, keywords) for keywords in _ORDERS), fields.number_or_none("InstanceNumber")),
    )


def _protocol(fields: HeaderFields) -> tuple[str, ...]:
    texts = (fields.text(keyword) for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "ConvolutionKernel"))
    numbers = (fields.number_or_none(keyword) for keyword in ("KVP", "SliceThickness"))
    return *texts, *("" if number is None else f"{number:.4g}" for number in numbers)


def _shape(fields: HeaderFields) -> tuple[int, int]:
    rows, columns = int(fields.number("Rows")), int(fields.number("Columns"))
    if not _MATRIX[0] <= min(rows, columns) <= max(rows, columns) <= _MATRIX[1]:
        raise fields.unusable(f"Rows and Columns must be {_MATRIX[0]} to {_MATRIX[1]}", f"{rows}×{columns}")
    return rows, columns


def _spacing(fields: HeaderFields) -> tuple[float, float]:
    row, column = fields.numbers("PixelSpacing", 2)
    if min(row, column) <= 0:
        raise fields.unusable("PixelSpacing must be > 0 mm", f"{row:g}\\{column:g}")
    return row, column


def _orientation(fields: HeaderFields) -> tuple[float, ...]:
    orientation = fields.numbers("ImageOrientationPatient", 6)
    products = np.array(orientation).reshape(2, 3) @ np.array(orientation).reshape(2, 3).T
    if not np.allclose(products, np.eye(2), rtol=0, atol=1e-3):
        raise fields.unusable("ImageOrientationPatient must be two perpendicular unit vectors", "others")
    return orientation


def _rescale(fields: HeaderFields) -> tuple[float, float]:
    """Slope and intercept, which CT images must have (PS3.3 C.8.2.1)."""
    if fields.value("ModalityLUTSequence"):
        raise fields.unusable("CT must be rescaled by slope and intercept", "a Modality LUT", "intensity")
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        if fields.value(keyword) in (None, ""):
            raise fields.unusable(f"{keyword} must take stored values to HU", "none", "intensity")
    slope, intercept = fields.number("RescaleSlope"), fields.number("RescaleIntercept")
    if slope <= 0:
        raise fields.unusable("RescaleSlope must be > 0", f"{slope:g}", "intensity")
    return slope, intercept


def _bits_stored(fields: HeaderFields) -> int:
    allocated, stored = fields.number("BitsAllocated"), fields.number("BitsStored")
    lowest = fields.number("HighBit", stored - 1) == stored - 1
    if allocated not in (8, 16, 32) or not 1 < stored <= allocated or not lowest:
        raise fields.unusable("pixels must hold their value in the lowest of 8, 16 or 32 bits", f"{stored:g} elsewhere")
    return int(stored)


def _padding(fields: HeaderFields) -> tuple[int, int] | None:
    """Range of stored values used as padding; compared by bits, since writers disagree on the sign."""
    value = fields.number_or_none("PixelPaddingValue")
    if value is None:
        return None
    limit = fields.number("PixelPaddingRangeLimit", value)
    modulus = 1 << int(fields.number("BitsAllocated"))
    signed = fields.number("PixelRepresentation", 0.0) == 1
    bounds = [int(bound) % modulus for bound in (value, limit)]
    bounds = [bound - modulus if signed and bound >= modulus // 2 else bound for bound in bounds]
    return min(bounds), max(bounds)


def _time(fields: HeaderFields, clock: str) -> float | None:
    """Time by a clock [s]; None if it is missing or not the time of acquisition."""
    if clock == "TemporalPositionTimeOffset":
        return fields.number_or_none(clock)
    if clock == "TriggerTime":
        milliseconds = fields.number_or_none(clock)
        return None if milliseconds is None else milliseconds / 1000
    if clock == "MidScanTime":
        return fields.private_number(MID_SCAN_TIME)
    if clock.endswith("DateTime"):
        return seconds_of_date_time(fields.text(clock))
    if clock == "ContentTime" and not fields.text("Manufacturer").lower().startswith(CONTENT_CLOCKS):
        return None
    time = seconds_of_day(fields.text(clock))
    return None if time is None else time + (seconds_of_date(fields.text(clock.replace("Time", "Date"))) or 0.0)


def _first_number(fields: HeaderFields, keywords: tuple[str, ...]) -> float | None:
    return next((number for keyword in keywords if (number := fields.number_or_none(keyword)) is not None), None)
