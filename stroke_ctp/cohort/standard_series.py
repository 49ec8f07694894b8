"""From a patient of the manifest to a standard series."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.cohort.inclusion import Rules, check_level, check_motion, check_order, check_timing
from stroke_ctp.cohort.manifest import ManifestPatient
from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import BASELINE_S, LEVELS, STANDARD_TIMES
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.intensity import check_intensity
from stroke_ctp.scan.itk import use_one_thread
from stroke_ctp.scan.levels import BaselineSlab, choose_levels
from stroke_ctp.scan.nifti import mask_volume_ml
from stroke_ctp.scan.quality import Quality, bolus_arrival_s, motion_quality, noise_sd_hu, passage_quality
from stroke_ctp.scan.read import read_scan
from stroke_ctp.scan.registration import Motion
from stroke_ctp.scan.standard_grid import downsample_frames, to_standard_grid
from stroke_ctp.scan.time_resampling import count_needed_frames, to_standard_times


@dataclass(frozen=True)
class StandardSeries:
    """The standard series of a patient, with its quality."""

    hu: Float[np.ndarray, "2 32 128 128"]
    """Both levels at the standard times [HU]; row 0 anterior, column 0 the patient's right."""
    core_ml: float | None
    """Core volume [mL], None if the manifest gives none."""
    quality: Quality
    """One row of quality.csv."""
    motion: list[Quality]
    """Rows of motion.csv: one per level and frame."""
    scans: tuple[int, int] = (0, 0)
    """Which of the patient's scans shows each level."""


@dataclass(frozen=True)
class _LevelPosition:
    """Position of a level: row of the manifest, and slice counted from inferior."""

    row: int
    slice: int


@dataclass(frozen=True)
class _Level:
    """One level on the standard grids, with its acquisition times and motion."""

    hu: Float[np.ndarray, "32 128 128"]
    motion: Motion
    noise_sd_hu: float
    times: Float[np.ndarray, " time"]
    """Of all acquired frames [s]."""
    needed: Float[np.ndarray, " needed"]
    """Of the frames that determine the series; NaN for missing frames [s]."""
    used: Bool[np.ndarray, " needed"]


def standard_series(patient: ManifestPatient, rules: Rules | None = None) -> StandardSeries:
    """Read a patient's scans and bring both levels to the standard grid and times.

    Args:
        patient: Scans and slices of one patient.
        rules: Rules of inclusion; by default `Rules()`.

    Raises:
        Excluded: The patient cannot be included, with the reason.

    Example:
        >>> from stroke_ctp import read_manifest, standard_series
        >>> series = standard_series(read_manifest("manifest.csv")[0])
        >>> series.hu.shape  # level, time, height, width
        (2, 32, 128, 128)
        >>> series.core_ml, series.quality["valid_frames"]
        (12.5, 32)
    """
    use_one_thread()
    rules = rules or Rules()
    missing = [level for level in LEVELS if not any(level in row.levels for row in patient.rows)]
    if missing and rules.levels == "manifest":
        raise Excluded(
            "level", f"{missing[0]} is missing in all rows of the patient; add its slice index, or pass levels=auto"
        )
    scans = {n: _read(patient, n) for n, row in enumerate(patient.rows) if row.levels or missing}
    positions, chosen = _level_positions(patient, scans, rules.min_level_confidence if missing else None)
    levels: dict[str, _Level] = {}
    for n, scan in scans.items():
        here = {level: position.slice for level, position in positions.items() if position.row == n}
        levels |= _levels(scan, here, patient.rows[n].scan_name, rules) if here else {}
    hu = np.stack([levels[level].hu for level in LEVELS])
    slices = {
        f"{level}_slice": scans[position.row].slice_index(position.slice) for level, position in positions.items()
    }
    oriented = all(scans[position.row].oriented for position in positions.values())
    orientation: Quality = {"orientation": "header" if oriented else "assumed"}
    quality = _quality(hu, [levels[level] for level in LEVELS]) | slices | chosen | orientation
    rows = [row for level in LEVELS for row in _motion_rows(level, levels[level])]
    basal, supra = (positions[level].row for level in LEVELS)
    return StandardSeries(hu, core_volume_ml(patient), quality, rows, (basal, supra))


def core_volume_ml(patient: ManifestPatient) -> float | None:
    """Core volume [mL] summed over a patient's scans, from masks where no volume is given; None without both.

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


def _read(patient: ManifestPatient, n: int) -> CTPScan:
    row = patient.rows[n]
    scan = read_scan(patient.folder / row.scan, row.frame_interval_s)
    for level, index in row.levels.items():
        check_level(scan.hu.shape[1], index, level, row.scan_name)
    if scan.oriented and len(row.levels) == len(LEVELS):
        given = [row.levels[level] for level in LEVELS]
        check_order([scan.slice_index(index) for index in given], given, row.scan_name)
    return scan


def _level_positions(
    patient: ManifestPatient, scans: dict[int, CTPScan], min_confidence: float | None
) -> tuple[dict[str, _LevelPosition], Quality]:
    """Positions of both levels, and how they were chosen; without `min_confidence` the manifest gives both."""
    given = {
        level: _LevelPosition(n, scan.slice_index(patient.rows[n].levels[level]))
        for n, scan in scans.items()
        for level in patient.rows[n].levels
    }
    if min_confidence is None:
        return given, {"levels_chosen_by": "manifest", "levels_confidence": None}
    rows = list(scans)
    known = {level: (rows.index(position.row), position.slice) for level, position in given.items()}
    choice = choose_levels(_baseline_slabs(scans), known, min_confidence)
    proposed = {level: _LevelPosition(rows[slab], k) for level, (slab, k) in choice.slices.items()}
    return proposed, {"levels_chosen_by": choice.rule, "levels_confidence": round(choice.confidence, 3)}


def _baseline_slabs(scans: dict[int, CTPScan]) -> list[BaselineSlab]:
    slabs = []
    for scan in scans.values():
        early = np.nanmin(scan.times, axis=1) < BASELINE_S
        slabs.append(BaselineSlab(scan.hu[early].mean(axis=0), scan.spacing[1:], scan.positions))
    return slabs


def _levels(scan: CTPScan, here: dict[str, int], name: str, rules: Rules) -> dict[str, _Level]:
    """The levels in one scan, motion-corrected and resampled."""
    acquired = {level: np.isfinite(scan.times[:, index]) for level, index in here.items()}
    for level, index in here.items():
        check_timing(scan.times[acquired[level], index], name, rules)
        check_intensity(scan.hu[:, index], name)
    needed = max(count_needed_frames(scan.times[:, index]) for index in here.values())
    volumes = downsample_frames(scan.hu[:needed], scan.spacing)
    frames, motions = to_standard_grid(volumes, list(here.values()))
    levels = {}
    for (level, index), corrected, motion in zip(here.items(), frames, motions, strict=True):
        times = scan.times[:needed, index]
        used = acquired[level][:needed] & (motion.reach_mm <= rules.max_motion_mm)
        check_motion(times, used, name, rules)
        noise = noise_sd_hu(corrected[used], times[used])
        standard = to_standard_times(corrected[used], times[used])
        levels[level] = _Level(standard, motion, noise, scan.times[acquired[level], index], times, used)
    return levels


def _quality(hu: Float[np.ndarray, "2 32 128 128"], levels: list[_Level]) -> Quality:
    noise = float(np.mean([level.noise_sd_hu for level in levels]))
    last = min(float(level.needed[level.used][-1]) for level in levels)
    valid = int(np.sum(last + 1e-6 >= STANDARD_TIMES))
    return {
        **motion_quality([level.motion for level in levels]),
        "motion_in_space": all(level.motion.in_space for level in levels),
        "frames_dropped": sum(int(np.sum(~level.used)) for level in levels),
        "noise_sd_hu": None if np.isnan(noise) else round(noise, 3),
        "bolus_arrival_s": bolus_arrival_s(hu),
        **passage_quality(hu, valid),
        "frames_acquired": min(len(level.times) for level in levels),
        "frame_interval_s": round(max(_longest_interval(level.needed) for level in levels), 6),
        "valid_frames": valid,
    }


def _longest_interval(times: Float[np.ndarray, " time"]) -> float:
    return float(np.diff(times[np.isfinite(times)]).max())


def _motion_rows(name: str, level: _Level) -> list[Quality]:
    motion = level.motion
    columns = zip(level.needed, motion.translation_mm, motion.rotation_deg, motion.residual_hu, level.used, strict=True)
    return [
        {
            "level": name,
            "frame": frame,
            "time_s": None if np.isnan(time) else round(float(time), 4),
            "translation_mm": round(float(translation), 3),
            "rotation_deg": round(float(rotation), 3),
            "residual_hu": round(float(residual), 2),
            "used": bool(used),
        }
        for frame, (time, translation, rotation, residual, used) in enumerate(columns)
    ]
