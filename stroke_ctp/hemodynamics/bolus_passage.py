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
from stroke_ctp.hemodynamics.midline import Midline, find_midline
from stroke_ctp.hemodynamics.regions import erode_from_bone, intracranial_mask, without_bone_next
from stroke_ctp.hemodynamics.tissue_mask import tissue_mask
from stroke_ctp.hemodynamics.vein_selection import find_vein
from stroke_ctp.hemodynamics.vessel_selection import Vessel, denoise, find_artery

_FIRST_FRAMES = 2
"""Frames that show the brain before the arrival of the contrast is known."""
_SINUSES_MM = 20.0
"""The large sinuses run within this distance of the midline."""
LEAST_TISSUE_SHARE = 0.4
"""Of the intracranial area: less is no brain that was segmented."""


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
    midline: Midline
    tissue_share: float
    """Of the intracranial area."""
    tissue_asymmetry: float
    """Tissue share of the left half less that of the right half."""
    artery: Vessel
    vein: Vessel | None
    """None where no voxel's curve is a vein's."""

    def require_vein(self) -> Vessel:
        """The vein.

        Raises:
            Excluded: There is none.
        """
        if self.vein is None:
            raise Excluded(
                "perfusion",
                "no vein near the midline carries the bolus later than the artery and falls again, and "
                "calibration=venous needs one; use analysis.calibration=reference",
            )
        return self.vein


def find_bolus_passage(
    hu: Float[np.ndarray, "time slice height width"], times: Float[np.ndarray, " time"], pixel_mm: tuple[float, float]
) -> BolusPassage:
    """Find the bolus, the brain and its large vessels automatically.

    Args:
        hu: Frames in patient axes, registered [HU].
        times: Acquisition times [s].
        pixel_mm: Distance between rows and columns [mm].

    Raises:
        Excluded: No bolus, too few frames, contrast that arrives too early or leaves too late, too little tissue.

    Example:
        >>> from stroke_ctp import find_bolus_passage, read_scan
        >>> scan = read_scan("scan.nii.gz")
        >>> passage = find_bolus_passage(scan.hu, scan.times[:, 0], scan.spacing[1:])
        >>> passage.step, passage.n_baseline  # interval between frames [s], frames before the contrast
        (1.5, 8)
    """
    hu, step = resample_regularly(hu, times)
    first = hu[:_FIRST_FRAMES].mean(axis=0)
    brain = intracranial_mask(first, pixel_mm)
    inner = erode_from_bone(brain, pixel_mm)
    midline = find_midline(first, brain, pixel_mm)
    leftward, backward = midline.axes((hu.shape[2], hu.shape[3]), pixel_mm)
    n_baseline = count_baseline_frames(hu, inner & without_bone_next(brain, pixel_mm))
    rise, baseline, sharp, artery = _with_artery(hu, n_baseline, inner, leftward > 0, pixel_mm)
    # If arteries fill only a part of their voxels, veins enhance most, and later.
    if (arrival := max(arrival_frame(artery.curve), MIN_BASELINE_FRAMES)) < n_baseline:
        n_baseline = arrival
        rise, baseline, sharp, artery = _with_artery(hu, n_baseline, inner, leftward > 0, pixel_mm)
    require_rise(rise[:, inner].mean(axis=1, dtype=np.float64), "the brain")
    vein = find_vein(sharp, brain & (np.abs(leftward) < _SINUSES_MM) & (backward > 0), artery, step)
    tissue = tissue_mask(baseline, rise[n_baseline:].mean(axis=0), brain, midline, pixel_mm)
    share, asymmetry = _tissue_share(tissue, brain, leftward > 0)
    return BolusPassage(
        rise, step, n_baseline, brain, tissue, tissue & (leftward > 0), midline, share, asymmetry, artery, vein
    )


def _tissue_share(
    tissue: Bool[np.ndarray, "slice height width"],
    brain: Bool[np.ndarray, "slice height width"],
    left: Bool[np.ndarray, "height width"],
) -> tuple[float, float]:
    """Share of the intracranial area that is tissue, and the share of the left half less that of the right half.

    Raises:
        Excluded: It is too small, or there is none on one side.
    """
    share = float(tissue.sum() / brain.sum())
    halves = [(tissue & half).sum() / max(1, (brain & half).sum()) for half in (left, ~left)]
    if share < LEAST_TISSUE_SHARE or min(halves) == 0:
        raise Excluded(
            "perfusion",
            f"grey and white matter must fill ≥ {LEAST_TISSUE_SHARE:.0%} of the inside of the skull, and both its "
            f"halves, got {share:.0%} (left {halves[0]:.0%}, right {halves[1]:.0%}); check the scan's attenuation",
        )
    return share, float(halves[0] - halves[1])


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
