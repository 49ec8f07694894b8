"""DICOM files written by pydicom as scanners write them: truth that does not come from the package."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
)

ROOT = "1.2.826.0.1.3680043.8.498."
START_S = 10 * 3600 + 20 * 60 + 30.25
DATE = "20240229"
_UIDS = count(1)

Change = Callable[[Dataset, int, int], None]
"""Alters the header of the image of a time and slice."""


def new_uid() -> str:
    return f"{ROOT}{next(_UIDS)}"


def tm(seconds: float) -> str:
    """A time of day as DICOM writes it."""
    seconds %= 86400
    return f"{int(seconds // 3600):02d}{int(seconds % 3600 // 60):02d}{seconds % 60:09.6f}"


def ge(ds: Dataset, time: int, level: int, seconds: float, shape: tuple[int, int]) -> None:
    """Cine: an acquisition time for every image, numbers slice by slice, content time of the reconstruction."""
    ds.Manufacturer = "GE MEDICAL SYSTEMS"
    ds.AcquisitionTime = tm(START_S + seconds)
    ds.ContentTime = tm(START_S + 200 + 0.2 * (level * shape[0] + time))
    ds.InstanceNumber = level * shape[0] + time + 1
    ds.AcquisitionNumber = 1
    store(ds, signed=True, bits=16, intercept=-1024)


def siemens(ds: Dataset, time: int, level: int, seconds: float, shape: tuple[int, int]) -> None:
    """An acquisition time for every image; reconstruction runs backwards here."""
    ds.Manufacturer = "SIEMENS"
    ds.AcquisitionTime = tm(START_S + seconds)
    ds.ContentTime = tm(START_S + 500 - 0.3 * (time * shape[1] + level))
    ds.AcquisitionNumber = time + 1
    ds.InstanceNumber = time * shape[1] + level + 1
    store(ds, signed=False, bits=12, intercept=-1024)


def philips(ds: Dataset, time: int, level: int, seconds: float, shape: tuple[int, int]) -> None:
    """One acquisition time for the whole series; content time is the frame's."""
    ds.Manufacturer = "Philips"
    ds.AcquisitionTime = tm(START_S)
    ds.ContentTime = tm(START_S + seconds)
    ds.InstanceNumber = time * shape[1] + level + 1
    store(ds, signed=False, bits=12, intercept=-1000)


def canon(ds: Dataset, time: int, level: int, seconds: float, shape: tuple[int, int]) -> None:
    """Volumes: acquisition and content time of each, instance numbers from 1 in each, downwards."""
    ds.Manufacturer = "TOSHIBA"
    ds.AcquisitionTime = tm(START_S + seconds)
    ds.ContentTime = tm(START_S + seconds + 1.5)
    ds.AcquisitionNumber = time + 1
    ds.InstanceNumber = shape[1] - level
    store(ds, signed=True, bits=16, intercept=0)


VENDORS = {"ge": ge, "siemens": siemens, "philips": philips, "canon": canon}


def store(ds: Dataset, signed: bool, bits: int, intercept: float, slope: float = 1.0) -> None:
    """How pixels are to be stored; `set_pixels` does it."""
    ds.PixelRepresentation = int(signed)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.RescaleSlope, ds.RescaleIntercept = slope, intercept


def set_pixels(ds: Dataset, hu: np.ndarray) -> None:
    stored = np.rint((hu - float(ds.RescaleIntercept)) / float(ds.RescaleSlope))
    low = -(2 ** (ds.BitsStored - 1)) if ds.PixelRepresentation else 0
    stored = np.clip(stored, low, low + 2**ds.BitsStored - 1)
    ds.Rows, ds.Columns = hu.shape[-2:]
    ds.PixelData = stored.astype(np.int64).astype(np.uint16).tobytes()
    ds["PixelData"].VR = "OW"


def identified(ds: Dataset, uids: dict[str, str]) -> Dataset:
    """What all images have in common."""
    ds.PatientID, ds.PatientName = "4711", "Doe^Jane"
    ds.PatientBirthDate, ds.InstitutionName, ds.SeriesDescription = "19500101", "General Hospital", "Perfusion Doe"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uids["study"], uids["series"]
    ds.FrameOfReferenceUID, ds.SOPInstanceUID = uids["frame"], new_uid()
    ds.Modality, ds.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.AcquisitionDate = ds.ContentDate = DATE
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    return ds


def uids() -> dict[str, str]:
    return {key: new_uid() for key in ("study", "series", "frame")}


def classic(
    hu: np.ndarray,
    times: np.ndarray,
    vendor: str = "siemens",
    spacing: tuple[float, float, float] = (5.0, 1.25, 1.25),
    axes: tuple[int, ...] = (1, 0, 0, 0, 1, 0),
    origin: tuple[float, float, float] = (-20.0, -30.0, 40.0),
    ids: dict[str, str] | None = None,
    change: Change | None = None,
) -> dict[tuple[int, int], Dataset]:
    """One image per time and slice of frames in patient axes [time, slice, row, column].

    Args:
        hu: Frames [HU].
        times: Of each frame and slice, NaN for what is left out [s].
        spacing: Between slices, rows and columns [mm].
        axes: ImageOrientationPatient; stored pixels are flipped and swapped accordingly.
        origin: Position of the first pixel in patient axes [mm].
        ids: Identifiers of study, series and frame of reference.
    """
    ids = ids or uids()
    images = {}
    for time, level in np.argwhere(~np.isnan(times)).tolist():
        ds = identified(Dataset(), ids)
        ds.SOPClassUID = CTImageStorage
        ds.KVP, ds.SliceThickness, ds.ConvolutionKernel = 80, spacing[0], "H20f"
        VENDORS[vendor](ds, time, level, float(times[time, level]), times.shape)
        place(ds, hu[time, level], level, spacing, axes, origin)
        if change is not None:
            change(ds, time, level)
        images[time, level] = ds
    return images


def place(
    ds: Dataset,
    image: np.ndarray,
    level: int,
    spacing: tuple[float, float, float],
    axes: tuple[int, ...],
    origin: tuple[float, float, float],
) -> None:
    """Store an image in patient axes so that its columns and rows run along `axes`."""
    across, down = np.reshape(axes, (2, 3))
    extent = np.array([(image.shape[1] - 1) * spacing[2], (image.shape[0] - 1) * spacing[1], 0])
    first = np.array([*origin[:2], origin[2] + level * spacing[0]])
    first = first + extent * (np.minimum(across + down, 0) < 0)
    swapped = across[0] == 0
    stored = image.T if swapped else image
    stored = stored[:: int(down.sum()), :: int(across.sum())]
    ds.ImageOrientationPatient, ds.ImagePositionPatient = list(axes), [round(float(x), 4) for x in first]
    ds.PixelSpacing = list(spacing[:0:-1] if swapped else spacing[1:])
    set_pixels(ds, stored)


def save(path: Path, ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a DICOM file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.save_as(path, enforce_file_format=True)
    return path


def save_all(
    folder: Path, images: dict[tuple[int, int], Dataset], name: str = "IM{:04d}", syntax: str = ExplicitVRLittleEndian
) -> Path:
    """Write images in the order of their numbers."""
    for number, ds in enumerate(images.values()):
        save(folder / name.format(number), ds, syntax)
    return folder


def enhanced(
    hu: np.ndarray,
    times: np.ndarray,
    spacing: tuple[float, float, float] = (5.0, 1.25, 1.25),
    origin: tuple[float, float, float] = (-20.0, -30.0, 40.0),
    ids: dict[str, str] | None = None,
    clock: str = "FrameReferenceDateTime",
) -> Dataset:
    """All frames of an acquisition in one file, last time point first, with an intercept for every slice.

    Args:
        hu: Frames in patient axes [HU].
        times: Of each frame and slice [s].
        spacing: Between slices, rows and columns [mm].
        origin: Position of the first pixel [mm].
        ids: Identifiers of study, series and frame of reference.
        clock: Attribute that carries the frames' times; acquisition time is that of a converted classic series.
    """
    ds = identified(Dataset(), ids or uids())
    ds.SOPClassUID = EnhancedCTImageStorage
    ds.Manufacturer = "Philips"
    ds.AcquisitionDateTime = f"{DATE}{tm(START_S)}"
    store(ds, signed=True, bits=16, intercept=-1024)
    ds.Rows, ds.Columns = hu.shape[-2:]
    shared = Dataset()
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = list(spacing[1:])
    shared.PixelMeasuresSequence[0].SliceThickness = spacing[0]
    shared.PlaneOrientationSequence = [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups, pixels = [], []
    for time, level in np.argwhere(~np.isnan(times)).tolist()[::-1]:
        intercept = -1024 + 8 * level
        groups.append(_groups(time, level, float(times[time, level]), spacing, origin, intercept, clock))
        pixels.append((np.rint(hu[time, level]) - intercept).astype(np.int16))
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.NumberOfFrames = len(groups)
    del ds.RescaleSlope, ds.RescaleIntercept
    ds.PixelData = np.stack(pixels).tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _groups(
    time: int,
    level: int,
    seconds: float,
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    intercept: float,
    clock: str,
) -> Dataset:
    """What an enhanced file says of one frame."""
    group = Dataset()
    group.FrameContentSequence = [Dataset()]
    group.FrameContentSequence[0].TemporalPositionIndex = time + 1
    if clock == "TemporalPositionTimeOffset":
        group.TemporalPositionSequence = [Dataset()]
        group.TemporalPositionSequence[0].TemporalPositionTimeOffset = seconds
    elif clock == "AcquisitionTime":
        group.UnassignedPerFrameConvertedAttributesSequence = [Dataset()]
        group.UnassignedPerFrameConvertedAttributesSequence[0].AcquisitionTime = tm(START_S + seconds)
    else:
        setattr(group.FrameContentSequence[0], clock, f"{DATE}{tm(START_S + seconds)}+0100")
    group.PlanePositionSequence = [Dataset()]
    group.PlanePositionSequence[0].ImagePositionPatient = [origin[0], origin[1], origin[2] + level * spacing[0]]
    group.PixelValueTransformationSequence = [Dataset()]
    transformation = group.PixelValueTransformationSequence[0]
    transformation.RescaleSlope, transformation.RescaleIntercept, transformation.RescaleType = 1, intercept, "HU"
    return group
