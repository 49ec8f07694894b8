"""Attributes of one frame, from any level of its header, as finite numbers or text."""

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from stroke_ctp.common.errors import Excluded

_MACROS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleType": "PixelValueTransformationSequence",
    "FrameReferenceDateTime": "FrameContentSequence",
    "FrameAcquisitionDateTime": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "FrameAcquisitionNumber": "FrameContentSequence",
    "TemporalPositionTimeOffset": "TemporalPositionSequence",
    "ConvolutionKernel": "CTReconstructionSequence",
    "KVP": "CTXRayDetailsSequence",
}
"""Functional group of an attribute in an enhanced image (PS3.3 A.38.1.4)."""
_CONVERTED = "UnassignedPerFrameConvertedAttributesSequence"
"""Holds all other attributes in images converted from classic ones."""
_LARGEST = {"PixelSpacing": 10.0, "ImagePositionPatient": 1e5, "RescaleSlope": 1e3, "RescaleIntercept": 1e5}
"""Largest plausible values: pixels and positions [mm], slope and intercept [HU]."""
_LARGEST_NUMBER = 1e9
"""Largest plausible value of any other attribute."""
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
"""A decimal string (VR DS)."""


@dataclass(frozen=True)
class PrivateElement:
    """A number that a vendor stores outside the standard (PS3.5 7.8.1)."""

    creator: str
    """Names the owner of the block of elements; without it, the tag means something else."""
    group: int
    offset: int
    """Of the element in the block."""


@dataclass(frozen=True)
class HeaderFields:
    """Attributes of one frame: from its own groups, from the shared groups, from the image."""

    name: str
    groups: tuple[Dataset, ...]

    def value(self, keyword: str) -> Any:
        """An attribute's value, None if there is none that can be read."""
        try:
            for group in self.groups[:-1]:
                for item in (group.get(_MACROS.get(keyword, _CONVERTED)) or [])[:1]:
                    if item.get(keyword) is not None:
                        return item[keyword].value
            return self.groups[-1].get(keyword)
        except Exception:  # pydicom converts on access and raises errors of many types
            return None

    def text(self, keyword: str) -> str:
        """An attribute's text, empty if there is none."""
        value = self.value(keyword)
        return "" if value is None else str(value).strip()

    def private_number(self, element: PrivateElement) -> float | None:
        """A private number of the image, a decimal string or an 8-byte double; None if there is none.

        Archives that do not know the element store its bytes as VR UN. The bytes are decoded here, since pydicom takes
        them for the type in its dictionary.
        """
        try:
            block = self.groups[-1].private_block(element.group, element.creator)
            content = self.groups[-1].get_item(block.get_tag(element.offset)).value
        except Exception:  # as in `value`
            return None
        if not isinstance(content, bytes):
            return None
        text = content.decode("latin-1").strip(" \0")
        if _DECIMAL.fullmatch(text):
            return float(text)
        number = struct.unpack("<d", content)[0] if len(content) == 8 else np.nan
        return number if abs(number) <= _LARGEST_NUMBER else None

    def unusable(self, rule: str, got: str, stage: str = "reading") -> Excluded:
        """The finding that a frame's header cannot be used."""
        return Excluded(stage, f"{rule}, got {got} (file {self.name}); export the scan again")

    def numbers(self, keyword: str, n: int) -> tuple[float, ...]:
        """An attribute of `n` finite numbers."""
        value = self.value(keyword)
        rule = f"{keyword} must be {n} number{'s' if n > 1 else ''}"
        if value is None or value == "":
            raise self.unusable(rule, "none")
        try:
            found = tuple(float(part) for part in ([value] if isinstance(value, str | int | float) else value))
        except Exception:  # the text is not shown: it may identify a person
            raise self.unusable(rule, "text") from None
        largest = _LARGEST.get(keyword, _LARGEST_NUMBER)
        if len(found) != n or not np.all(np.abs(found) <= largest):  # NaN fails too
            raise self.unusable(f"{rule} up to {largest:g}", "\\".join(f"{part:g}" for part in found[:6]))
        return found

    def number(self, keyword: str, default: float | None = None) -> float:
        """An attribute that is one finite number."""
        if default is not None and self.value(keyword) in (None, ""):
            return default
        return self.numbers(keyword, 1)[0]

    def number_or_none(self, keyword: str) -> float | None:
        """An attribute that is one finite number and may be missing or unusable."""
        try:
            return self.number(keyword)
        except Excluded:
            return None
