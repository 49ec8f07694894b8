"""Motion correction and slice timing correction of a scan in its own geometry."""

from dataclasses import replace

import numpy as np

from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.registration import Motion
from stroke_ctp.scan.resampling import SlabFrames, resample_frame
from stroke_ctp.scan.standard_grid import downsample_frames, estimate_slice_motions
from stroke_ctp.scan.time_resampling import interpolate_frames


def correct_motion(scan: CTPScan) -> tuple[CTPScan, list[Motion]]:
    """Register every frame to the first, as for the standard series, and resample moved frames at full resolution.

    Args:
        scan: Scan in patient axes.

    Returns:
        The corrected scan, and the motion of each slice.
    """
    working = downsample_frames(scan.hu, scan.spacing)
    motions = estimate_slice_motions(working, list(range(scan.hu.shape[1])))
    middle = [-(n - 1) / 2 * mm for n, mm in zip(scan.hu.shape[2:], scan.spacing[1:], strict=True)]
    volumes = SlabFrames(scan.hu.astype(np.float32, copy=False), scan.spacing, (working.first[0], middle[0], middle[1]))
    corrected = scan.hu.copy()
    for index, motion in enumerate(motions):
        points = volumes.points(index)
        for time in map(int, np.flatnonzero(motion.reach_mm > 0)):
            frame = resample_frame(volumes, time, points, motion.rigid[time])
            corrected[time, index] = frame.reshape(scan.hu.shape[2:])
    return replace(scan, hu=corrected), motions


def align_slice_times(scan: CTPScan) -> CTPScan:
    """Interpolate all slices to common times, the means over the slices, if they were acquired at different times."""
    common = np.nanmean(scan.times, axis=1)
    common -= common[0]
    if np.array_equal(scan.times, np.repeat(common[:, None], scan.times.shape[1], axis=1)):
        return scan
    hu = np.empty_like(scan.hu)
    for index in range(scan.hu.shape[1]):
        acquired = np.isfinite(scan.times[:, index])
        hu[:, index] = interpolate_frames(scan.hu[acquired, index], scan.times[acquired, index], common)
    return replace(scan, hu=hu, times=np.repeat(common[:, None], hu.shape[1], axis=1))
