"""One patient of a manifest → one standard series, or the reason why not."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Float

from stroke_ctp.scan.inclusion import Excluded, check_intensity, check_level, check_timing
from stroke_ctp.scan.manifest import ManifestPatient, ManifestRow
from stroke_ctp.scan.nifti import mask_volume_ml, read_nifti
from stroke_ctp.scan.quality import bolus_arrival_s, motion_quality, noise_sd_hu
from stroke_ctp.scan.standard_grid import to_standard_grid
from stroke_ctp.scan.time_grid import STANDARD_TIMES, needed_frames, to_standard_times
from stroke_ctp.types import LEVELS, CTPScan


@dataclass(frozen=True)
class StandardSeries:
    """A patient as the network sees it."""

    hu: Float[np.ndarray, "2 32 128 128"]
    """Both levels at the standard times [HU]; row 0 anterior, column 0 the patient's right."""
    core_ml: float | None
    """Core volume [mL], None if the manifest gives none."""
    quality: dict[str, float | int | str | None]
    """One row of quality.csv."""


@dataclass(frozen=True)
class _Level:
    """One level on both standard grids, with what quality needs of it as acquired."""

    hu: Float[np.ndarray, "32 128 128"]
    motion: Float[np.ndarray, "needed 3"]
    noise_sd_hu: float
    times: Float[np.ndarray, " time"]


def standard_series(
    patient: ManifestPatient, max_interval_s: float = 3.0, min_duration_s: float = 48.0
) -> StandardSeries:
    """Read a patient's scans and bring both levels to the standard grid and times.

    Args:
        patient: Scans and slices of one patient.
        max_interval_s: Longest gap between frames that interpolation may bridge [s].
        min_duration_s: Shortest scan accepted [s].

    Raises:
        Excluded: The patient cannot be included, with the reason.
    """
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # the cores are busy with other patients
    for level in LEVELS:
        if not any(level in row.levels for row in patient.rows):
            raise Excluded("level", f"{level} is missing in all rows of the patient; add its slice index")
    levels: dict[str, _Level] = {}
    for row in patient.rows:
        levels |= _levels_of(row, patient, max_interval_s, min_duration_s)
    hu = np.stack([levels[level].hu for level in LEVELS])
    return StandardSeries(hu, core_volume_ml(patient), _quality(hu, [levels[level] for level in LEVELS]))


def core_volume_ml(patient: ManifestPatient) -> float | None:
    """Core volume [mL] summed over a patient's scans, measured where only a mask is given; None without both.

    Raises:
        Excluded: A mask cannot be read.
    """
    volumes = []
    for row in patient.rows:
        if row.core_ml is not None:
            volumes.append(row.core_ml)
        elif row.core_mask is not None:
            volumes.append(mask_volume_ml(patient.folder / row.core_mask))
    return sum(volumes) if volumes else None


def _levels_of(
    row: ManifestRow, patient: ManifestPatient, max_interval_s: float, min_duration_s: float
) -> dict[str, _Level]:
    if not row.levels:
        return {}
    path = patient.folder / row.scan
    scan = read_nifti(path, row.frame_interval_s)
    check_timing(scan.times[:, 0], path.name, max_interval_s, min_duration_s)
    for level, index in row.levels.items():
        check_level(scan.hu.shape[1], index, level, path.name)
    return {level: _level(scan, index, path.name) for level, index in row.levels.items()}


def _level(scan: CTPScan, file_index: int, name: str) -> _Level:
    index = scan.slice_index(file_index)
    frames, times = scan.hu[:, index], scan.times[:, index]
    check_intensity(frames, name)
    needed = needed_frames(times)
    registered, motion = to_standard_grid(frames[:needed], scan.spacing[1:])
    noise = noise_sd_hu(registered, times[:needed])
    return _Level(to_standard_times(registered, times[:needed]), motion, noise, times)


def _quality(hu: Float[np.ndarray, "2 32 128 128"], levels: list[_Level]) -> dict[str, float | int | str | None]:
    noise = float(np.mean([level.noise_sd_hu for level in levels]))
    shortest = min(levels, key=lambda level: level.times[-1])
    return {
        **motion_quality(np.concatenate([level.motion for level in levels])),
        "noise_sd_hu": None if np.isnan(noise) else round(noise, 3),
        "bolus_arrival_s": bolus_arrival_s(hu),
        "frames_acquired": min(len(level.times) for level in levels),
        "frame_interval_s": round(max(float(np.diff(level.times).max()) for level in levels), 6),
        "valid_frames": int(np.sum(shortest.times[-1] + 1e-6 >= STANDARD_TIMES)),
        "levels_chosen_by": "manifest",
    }
