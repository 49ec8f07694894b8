"""Formats in which maps of a patient are written."""

from typing import Literal

MapFormat = Literal["none", "nifti", "dicom"]
"""Of files beside the table: none, NIfTI alone, or DICOM objects and NIfTI."""
