"""Reading and writing of NIfTI files in patient axes."""

import gzip
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Float, UInt8

from stroke_ctp.common.errors import Excluded, raise_if_passing
from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.unfinished import unfinished_file
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.itk import itk_name, silence_warnings
from stroke_ctp.scan.nifti_integrity import require_intact, stored_time_step

_TIME_UNITS = (8, 16, 24)
"""Values of the header's time unit: seconds, milliseconds, microseconds (nifti1.h)."""
_TIME_UNIT_BITS = 0x38


def read_nifti(path: Path, frame_interval_s: float | None = None) -> CTPScan:
    """Read a 4D NIfTI file with axial slices into patient axes.

    Args:
        path: File `.nii` or `.nii.gz` of any voxel type; slope and intercept are applied.
        frame_interval_s: Time between frames [s]; overrides the header's.

    Raises:
        Excluded: The file is missing, damaged, not 4D, not axial, or without a frame interval.
    """
    image = _read(path)
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise Excluded(
            "reading",
            f"voxels must be single real numbers, got vectors or complex ({path.name}); export the scan again",
        )
    axis = time_axis(image.GetSize(), path.name)
    interval = float(frame_interval_s or _header_interval(image, axis, path))
    n_frames = image.GetSize()[axis]
    hu = sitk.GetArrayViewFromImage(image).astype(np.float32).reshape(n_frames, *image.GetSize()[2::-1])
    hu, spacing, superior_first = _to_patient_axes(hu, image, path)
    first = _first_slice_mm(image, superior_first)
    scan = CTPScan.simultaneous(hu, np.arange(n_frames) * interval, spacing, first, superior_first)
    return replace(scan, oriented=_is_oriented(image))


def time_axis(size: tuple[int, ...], name: str) -> int:
    """Index of the time axis: the axis beyond the third that is longer than 1.

    Args:
        size: Voxels along each axis.
        name: File name, for the reason.

    Raises:
        Excluded: There is no such axis, or more than one.
    """
    longer = [axis for axis in range(3, len(size)) if size[axis] > 1]
    if len(longer) != 1 or min(size[:2]) < 2:
        raise Excluded(
            "reading",
            f"scan must be 4D with one time axis, got {'×'.join(map(str, size))} voxels ({name}); "
            "give a file with a time axis, or leave the scan out",
        )
    return longer[0]


def mask_volume_ml(path: Path) -> float:
    """Volume of all voxels above 0 in a 3D segmentation [mL].

    Raises:
        Excluded: The file is missing or damaged.
    """
    image = _read(path)
    voxel_mm3 = float(np.prod(image.GetSpacing()[:3]))
    return int((sitk.GetArrayViewFromImage(image) > 0).sum()) * voxel_mm3 / 1000


def write_nifti(path: Path, scan: CTPScan, compression_level: int = 1) -> None:
    """Write a scan as 4D NIfTI of 16-bit integers [HU], frame interval in seconds in the header.

    Args:
        path: File `.nii` or `.nii.gz`; written atomically.
        scan: Scan with regular frame times; slices are stored in the order of the file indices.
        compression_level: Of gzip, 1 to 9; higher levels hardly compress CT noise better than 1.

    Raises:
        ValueError: The frame times are irregular, or differ between slices: a NIfTI header cannot hold them.
    """
    interval = _regular_interval(scan.times)
    voxels = np.clip(np.rint(scan.hu), -32768, 32767).astype(np.int16)
    sign = -1.0 if scan.superior_first else 1.0
    image = sitk.GetImageFromArray(voxels[:, ::-1] if scan.superior_first else voxels, isVector=False)
    image.SetSpacing((*scan.spacing[::-1], interval))
    x, y, _ = _centred_origin(scan.hu.shape[1:], scan.spacing)
    image.SetOrigin((x, y, float(scan.positions[-1 if scan.superior_first else 0]), 0.0))
    image.SetDirection(np.diag([1.0, 1.0, sign, 1.0]).ravel())
    write_image(path, image, compression_level)


def write_mask(
    path: Path,
    mask: UInt8[np.ndarray, "slice height width"],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float] | None = None,
) -> None:
    """Write a segmentation in patient axes as NIfTI.

    Args:
        path: File `.nii` or `.nii.gz`; written atomically.
        mask: Voxels of the segmentation, slices from inferior to superior.
        spacing: Distance between slices, rows and columns [mm].
        origin: Position of the first voxel, slice, row, column [mm, LPS]; default centres the volume at 0.
    """
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin(origin[::-1] if origin is not None else _centred_origin(mask.shape, spacing))
    write_image(path, image)


def _read(path: Path) -> sitk.Image:
    if not path.is_file():
        raise Excluded("reading", f"file {path.name} does not exist; correct its path")
    silence_warnings()
    try:
        require_intact(path)
        with itk_name(path) as name:
            return sitk.ReadImage(name)
    except PermissionError:
        raise Excluded("reading", f"file {path.name} cannot be opened; give yourself read permission") from None
    except (RuntimeError, OSError, EOFError, zlib.error) as error:
        raise_if_passing(error, path)
        why = "its axes are not orthogonal" if "orthonormal" in str(error) else "damaged or not NIfTI"
        raise Excluded("reading", f"file {path.name} cannot be read: {why}; export it again or leave it out") from error


def _header_interval(image: sitk.Image, time_axis: int, path: Path) -> float:
    """Time between frames [s]; ITK has converted it if the header names a unit of time."""
    units = int(image.GetMetaData("xyzt_units")) if image.HasMetaDataKey("xyzt_units") else 0
    given = units & _TIME_UNIT_BITS in _TIME_UNITS and stored_time_step(path) > 0
    if time_axis != 3 or not given:
        raise Excluded(
            "timing",
            f"header of {path.name} gives no frame interval in a unit of time; give frame_interval_s",
        )
    return float(image.GetSpacing()[time_axis])


def _to_patient_axes(
    hu: Float[np.ndarray, "time k j i"], image: sitk.Image, path: Path
) -> tuple[Float[np.ndarray, "time slice height width"], tuple[float, float, float], bool]:
    """File axes k, j, i as superior, posterior, left; also their spacing and whether k runs downwards in the file."""
    direction = _direction(image)
    x_axis, y_axis, z_axis = np.abs(direction).argmax(axis=1)
    if z_axis != 2 or x_axis == y_axis:
        raise Excluded(
            "reading", f"slices must be axial, got another orientation (scan {path.name}); export an axial series"
        )
    if x_axis == 1:
        hu = hu.swapaxes(2, 3)
    runs_down = [direction[row, axis] < 0 for row, axis in ((2, z_axis), (1, y_axis), (0, x_axis))]
    flipped = tuple(axis for axis, down in zip((1, 2, 3), runs_down, strict=True) if down)
    spacing = image.GetSpacing()
    return (
        np.flip(hu, flipped),
        (float(spacing[2]), float(spacing[y_axis]), float(spacing[x_axis])),
        bool(runs_down[0]),
    )


def _direction(image: sitk.Image) -> Float[np.ndarray, "3 3"]:
    """Directions of the file's axes: rows are L, P, S, columns i, j, k."""
    n_axes = image.GetDimension()
    return np.array(image.GetDirection()).reshape(n_axes, n_axes)[:3, :3]


def _is_oriented(image: sitk.Image) -> bool:
    """Whether the header has a qform or an sform; without one, ITK assumes left, posterior, superior."""
    return any(image.GetMetaData(f"{form}_code") not in ("0", "NIFTI_XFORM_UNKNOWN") for form in ("qform", "sform"))


def _first_slice_mm(image: sitk.Image, superior_first: bool) -> float:
    """Position of the most inferior slice along the slices' normal, which points up [mm]."""
    position = float(np.dot(image.GetOrigin()[:3], _direction(image)[:, 2]))
    if superior_first:
        return -position - (image.GetSize()[2] - 1) * image.GetSpacing()[2]
    return position


def _centred_origin(shape: tuple[int, ...], spacing: tuple[float, float, float]) -> tuple[float, ...]:
    """Position x, y, z of the first voxel of a volume with its centre at 0 [mm]."""
    return tuple(-(n - 1) / 2 * mm for n, mm in zip(shape[::-1], spacing[::-1], strict=True))


def _regular_interval(times: Float[np.ndarray, "time slice"]) -> float:
    intervals = np.diff(times, axis=0)
    together = np.allclose(times, times[:, :1], rtol=0, atol=1e-3)
    if len(intervals) == 0 or not together or not np.allclose(intervals, intervals[0], rtol=0, atol=1e-3):
        raise ValueError("NIfTI needs at least two frames at regular times, the same for all slices")
    return float(intervals.mean())


def write_image(path: Path, image: sitk.Image, compression_level: int = 1) -> None:
    """Write atomically; compress here, since ITK's NIfTI writer ignores the compression level and is slow."""
    if path.suffix != ".gz":
        with atomic_write(path) as partial, itk_name(partial) as name:
            sitk.WriteImage(image, name)
        return
    with atomic_write(path) as partial, unfinished_file(path.parent, path.with_suffix("").suffix) as (_, plain):
        with itk_name(plain) as name:
            sitk.WriteImage(image, name)
        with (
            plain.open("rb") as source,
            partial.open("wb") as file,
            # without name and time of writing the same scan gives the same bytes
            gzip.GzipFile("", "wb", compression_level, fileobj=file, mtime=0) as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
