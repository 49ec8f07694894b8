"""Passage of the bolus through the head: artery, tissue, vein."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_detection import (
    MIN_BASELINE_FRAMES,
    arrival_frame,
    count_baseline_frames,
    enhancement,
    require_rise,
    resample_regularly,
)
from stroke_ctp.hemodynamics.regions import brain_axes, erode_from_bone, intracranial_mask, parenchyma_mask
from stroke_ctp.hemodynamics.vessel_selection import Vessel, denoise, find_artery, find_vein

_FIRST_FRAMES = 2
"""Frames that show the brain before the arrival of the contrast is known."""
_SINUSES_MM = 20.0
"""The large sinuses run within this distance of the midline."""


@dataclass(frozen=True)
class BolusPassage:
    """Enhancement, masks and vessels from which perfusion is computed."""

    rise: Float32[np.ndarray, "time slice height width"]
    """Enhancement [HU]."""
    step: float
    """Time between frames [s]."""
    n_baseline: int
    """Frames before the contrast."""
    brain: Bool[np.ndarray, "slice height width"]
    tissue: Bool[np.ndarray, "slice height width"]
    """Grey and white matter."""
    left: Bool[np.ndarray, "slice height width"]
    """Tissue on the patient's left of the midline."""
    artery: Vessel
    vein: Vessel


def find_bolus_passage(
    hu: Float[np.ndarray, "time slice height width"], times: Float[np.ndarray, " time"], pixel_mm: tuple[float, float]
) -> BolusPassage:
    """Find the bolus, the brain and its large vessels automatically.

    Args:
        hu: Frames in patient axes, registered [HU].
        times: Acquisition times [s].
        pixel_mm: Distance between rows and columns [mm].

    Raises:
        Excluded: No bolus, too few frames, contrast that arrives too early or leaves too late, no brain.

    Example:
        >>> from stroke_ctp import find_bolus_passage, read_scan
        >>> scan = read_scan("scan.nii.gz")
        >>> passage = find_bolus_passage(scan.hu, scan.times[:, 0], scan.spacing[1:])
        >>> passage.step, passage.n_baseline  # interval between frames [s], frames before the contrast
        (1.5, 8)
    """
    hu, step = resample_regularly(hu, times)
    brain = intracranial_mask(hu[:_FIRST_FRAMES].mean(axis=0), pixel_mm)
    inner = erode_from_bone(brain, pixel_mm)
    leftward, backward = brain_axes(brain, pixel_mm)
    n_baseline = count_baseline_frames(hu, inner)
    rise, baseline, sharp, artery = _with_artery(hu, n_baseline, inner, leftward > 0, pixel_mm)
    # If arteries fill only a part of their voxels, veins enhance most, and later.
    if (arrival := max(arrival_frame(artery.curve), MIN_BASELINE_FRAMES)) < n_baseline:
        n_baseline = arrival
        rise, baseline, sharp, artery = _with_artery(hu, n_baseline, inner, leftward > 0, pixel_mm)
    vein = find_vein(sharp, brain & (np.abs(leftward) < _SINUSES_MM) & (backward > 0), artery)
    tissue = parenchyma_mask(baseline, brain, pixel_mm)
    left = tissue & (leftward > 0)
    if not left.any() or not (tissue & ~left).any():
        raise Excluded("perfusion", "no grey or white matter on one side of the midline; check the scan's attenuation")
    require_rise(rise[:, tissue].mean(axis=1, dtype=np.float64), "the brain's tissue")
    return BolusPassage(rise, step, n_baseline, brain, tissue, left, artery, vein)


def _with_artery(
    hu: Float[np.ndarray, "time slice height width"],
    n_baseline: int,
    inner: Bool[np.ndarray, "slice height width"],
    left: Bool[np.ndarray, "height width"],
    pixel_mm: tuple[float, float],
) -> tuple[
    Float32[np.ndarray, "time slice height width"],
    Float32[np.ndarray, "slice height width"],
    Float32[np.ndarray, "time slice height width"],
    Vessel,
]:
    """Enhancement over a baseline [HU], that baseline [HU], enhancement denoised [HU] and the artery in it."""
    rise, baseline = enhancement(hu, n_baseline)
    sharp = denoise(rise, pixel_mm)
    return rise, baseline, sharp, find_artery(sharp, inner, left)
