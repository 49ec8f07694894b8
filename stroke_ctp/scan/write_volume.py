"""Writing of maps and masks in the geometry of their scan."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Float32, UInt8

from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.nifti import write_image
from stroke_ctp.scan.nifti_integrity import read_header
from stroke_ctp.scan.read import is_nifti


def write_like(
    path: Path,
    volume: Float32[np.ndarray, "slice height width"] | UInt8[np.ndarray, "slice height width"],
    source: Path,
    scan: CTPScan,
) -> None:
    """Write a volume in patient axes so that every viewer overlays it on the scan.

    Args:
        path: File `.nii` or `.nii.gz`; written atomically.
        volume: A value for each voxel of the scan, in patient axes.
        source: File or folder of the scan. The volume takes the axes, voxel size and position of a NIfTI file. For
            DICOM it takes voxel size, position and obliqueness of the scan, in patient axes; after a gantry tilt,
            slices lie straight above the middle one, as the reader shifted them.
        scan: The scan that was read from it.
    """
    if not is_nifti(source):
        image = sitk.GetImageFromArray(np.ascontiguousarray(volume))
        image.SetSpacing(scan.spacing[::-1])
        if scan.placement is not None:
            image.SetOrigin(scan.placement.origin.tolist())
            image.SetDirection(scan.placement.direction.ravel().tolist())
        write_image(path, image)
        return
    header = read_header(source)
    n_axes = header.GetDimension()
    direction = np.array(header.GetDirection()).reshape(n_axes, n_axes)[:3, :3]
    # Reverses the axis changes of `read_nifti`.
    x_axis, y_axis, z_axis = np.abs(direction).argmax(axis=1)
    down = [direction[row, axis] < 0 for row, axis in ((2, z_axis), (1, y_axis), (0, x_axis))]
    stored = np.flip(volume, tuple(axis for axis in range(3) if down[axis]))
    image = sitk.GetImageFromArray(np.ascontiguousarray(stored.swapaxes(1, 2) if x_axis == 1 else stored))
    image.SetSpacing(header.GetSpacing()[:3])
    image.SetOrigin(header.GetOrigin()[:3])
    image.SetDirection(direction.ravel())
    write_image(path, image)
