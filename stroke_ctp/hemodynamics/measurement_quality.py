"""How well a scan was measured: the numbers by which its reliability is judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import gaussian_filter

from stroke_ctp.hemodynamics.bolus_passage import BolusPassage
from stroke_ctp.hemodynamics.core_and_penumbra import core_masks, vessels
from stroke_ctp.hemodynamics.maps import Maps
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.registration import Motion
from stroke_ctp.scan.time_resampling import count_needed_frames
from stroke_ctp.statistics.robust import robust_sd

SCALE_ERROR = 0.15
"""Assumed error of a scan's CBV and relative CBF: the spread of healthy CBV between simulated patients."""


@dataclass(frozen=True)
class MeasurementQuality:
    """Of one scan."""

    frame_interval_s: float
    """Between frames, the median [s]."""
    longest_interval_s: float
    """Longest time between two frames of those that preprocessing needs; later ones may be sparse [s]."""
    arrival_s: float
    """Contrast arrives in the arteries this long after the first frame [s]."""
    coverage_s: float
    """From the artery's peak to the last frame [s]."""
    artery_missing_s: float
    """The scan ends so long before the first pass has left the artery, 0 where it shows all of it [s]."""
    vein_missing_s: float | None
    """The same of the vein; None without one [s]."""
    tissue_missing_s: float
    """The same of all tissue [s]."""
    late_tissue_missing_s: float | None
    """The same of hypoperfused tissue; None without any [s]."""
    unseen_share: float
    """Share of hypoperfused tissue's passage, or all tissue's without any, that was extrapolated."""
    artery_peak_hu: float
    """Highest enhancement of the artery as measured [HU]."""
    partial_volume: float
    """Factor by which the arterial curve was multiplied."""
    contrast_to_noise: float
    """Peak of healthy tissue's mean curve over the noise of a voxel in the smoothed frames."""
    slices: int
    motion_in_space: bool
    """Whether motion out of the slice planes was corrected too."""
    motion_mm: float
    """Largest displacement of the skull that was corrected [mm]."""
    motion_left_mm: float
    """Largest displacement of the skull's edges that would explain what correction left [mm]."""
    tissue_share: float
    """Grey and white matter over the inside of the skull."""
    tissue_asymmetry: float
    """Tissue share of the left half less that of the right half."""
    midline_found: bool
    """Whether the image shows the midline; otherwise the image's axis divides the hemispheres."""
    core_low_ml: float
    """CBV core if CBV were higher by `SCALE_ERROR` [mL]."""
    core_high_ml: float
    """CBV core if CBV were lower by `SCALE_ERROR` [mL]."""
    other_side_core_ml: float
    """Tissue of the unaffected hemisphere that meets the CBV core's definition [mL]."""
    core_rcbf_low_ml: float
    """Core by relative CBF if that were higher by `SCALE_ERROR` [mL]."""
    core_rcbf_high_ml: float
    """Core by relative CBF if that were lower by `SCALE_ERROR` [mL]."""
    other_side_core_rcbf_ml: float
    """Tissue of the unaffected hemisphere that meets the definition by relative CBF [mL]."""


def measure_quality(
    scan: CTPScan, motions: Sequence[Motion], passage: BolusPassage, maps: Maps, smoothing_mm: float
) -> MeasurementQuality:
    """Measure how well a scan was measured.

    Args:
        scan: Motion-corrected.
        motions: Of its slices.
        passage: From `find_bolus_passage`.
        maps: From `perfusion_maps`.
        smoothing_mm: Standard deviation of the Gaussian in the plane with which the maps were made [mm].
    """
    cut = maps.truncation
    low, high = (_core_ml(maps, maps.affected, scan.spacing, scale) for scale in (1 - SCALE_ERROR, 1 + SCALE_ERROR))
    elsewhere = _core_ml(maps, maps.healthy, scan.spacing)
    return MeasurementQuality(
        frame_interval_s=round(passage.step, 6),
        longest_interval_s=round(_longest_interval(scan.times[:, 0]), 3),
        arrival_s=round(passage.n_baseline * passage.step, 3),
        coverage_s=round((len(passage.rise) - 1 - int(passage.artery.curve.argmax())) * passage.step, 3),
        artery_missing_s=round(cut.artery_s, 1),
        vein_missing_s=_rounded(cut.vein_s),
        tissue_missing_s=round(cut.tissue_s, 1),
        late_tissue_missing_s=_rounded(cut.late_tissue_s),
        unseen_share=round(cut.unseen_share, 3),
        artery_peak_hu=round(float(passage.artery.curve.max()), 1),
        partial_volume=round(maps.partial_volume, 3),
        contrast_to_noise=round(_contrast_to_noise(passage, maps.healthy, scan.spacing[1:], smoothing_mm), 2),
        slices=scan.hu.shape[1],
        motion_in_space=all(motion.in_space for motion in motions),
        motion_mm=round(max(float(motion.reach_mm.max()) for motion in motions), 2),
        motion_left_mm=round(max(float(motion.left_mm.max()) for motion in motions), 2),
        tissue_share=round(passage.tissue_share, 3),
        tissue_asymmetry=round(passage.tissue_asymmetry, 3),
        midline_found=passage.midline.found,
        core_low_ml=low["cbv"],
        core_high_ml=high["cbv"],
        other_side_core_ml=elsewhere["cbv"],
        core_rcbf_low_ml=low["rcbf"],
        core_rcbf_high_ml=high["rcbf"],
        other_side_core_rcbf_ml=elsewhere["rcbf"],
    )


def mean_curve(
    rise: Float32[np.ndarray, "time slice height width"], mask: Bool[np.ndarray, "slice height width"]
) -> Float[np.ndarray, " time"]:
    """Mean enhancement of some voxels [HU]."""
    return rise[:, mask].mean(axis=1, dtype=np.float64)


def _longest_interval(times: Float[np.ndarray, " time"]) -> float:
    return float(np.diff(times[: count_needed_frames(times)]).max())


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _contrast_to_noise(
    passage: BolusPassage,
    healthy: Bool[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
    smoothing_mm: float,
) -> float:
    """Differences of successive pre-contrast frames cancel the anatomy; the median deviation ignores vessels."""
    sigma = (0, 0, *(smoothing_mm / mm for mm in pixel_mm))
    differences = gaussian_filter(np.diff(passage.rise[: passage.n_baseline], axis=0), sigma)[:, healthy]
    noise = float(robust_sd(differences)) / np.sqrt(2)
    return float(mean_curve(passage.rise, healthy).max()) / max(noise, 1e-6)


def _core_ml(
    maps: Maps, tissue: Bool[np.ndarray, "slice height width"], spacing: tuple[float, float, float], scale: float = 1.0
) -> dict[str, float]:
    """Core of one hemisphere by each definition, with its threshold times a factor [mL]."""
    cores = core_masks(maps, tissue & ~vessels(maps), spacing[1:], scale)
    return {name: round(int(core.sum()) * float(np.prod(spacing)) / 1000, 3) for name, core in cores.items()}
