"""What a trained network says of a scan, in its geometry: maps, masks, volumes. The network is `model.scan_maps`."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from stroke_ctp.hemodynamics.core_and_penumbra import remove_small_components
from stroke_ctp.hemodynamics.reliability import Reliability
from stroke_ctp.scan.ctp_scan import CTPScan

LIKELY = 0.5
"""Masks hold what is more probable than this."""


@dataclass(frozen=True)
class LearnedMaps:
    """Of one scan; 0 outside the brain."""

    core: Float32[np.ndarray, "slice height width"]
    """Probability."""
    hypoperfused: Float32[np.ndarray, "slice height width"]
    """Probability of penumbra or core."""
    cbv: Float32[np.ndarray, "slice height width"]
    """[mL/100 mL]"""
    cbf: Float32[np.ndarray, "slice height width"]
    """[mL/100 mL/min]"""
    delay: Float32[np.ndarray, "slice height width"]
    """Of the tissue's curve behind the artery's [s]."""


@dataclass(frozen=True)
class LearnedReadouts:
    """Volumes of one scan, of both hemispheres; the names are columns of `volumes.csv`."""

    network_core_ml: float
    """Mask of the core [mL]."""
    network_expected_core_ml: float
    """Sum of the probabilities of core [mL]."""
    network_hypoperfused_ml: float
    """Mask of hypoperfused tissue [mL]."""
    network_mismatch_ml: float
    """Hypoperfused tissue minus core [mL]."""
    network_mismatch: float | None
    """Hypoperfused tissue over core; None without a core."""


@dataclass(frozen=True)
class LearnedLesion:
    """Core and hypoperfused tissue in both hemispheres, without pieces that count as noise."""

    core: Bool[np.ndarray, "slice height width"]
    hypoperfused: Bool[np.ndarray, "slice height width"]
    readouts: LearnedReadouts

    @classmethod
    def of(cls, maps: LearnedMaps, spacing: tuple[float, float, float]) -> "LearnedLesion":
        """Find what is more probable than not.

        Args:
            maps: Of one scan.
            spacing: Distance between slices, rows and columns [mm].
        """
        masks = [remove_small_components(p > LIKELY, spacing[1:]) for p in (maps.core, maps.hypoperfused)]
        voxel_ml = float(np.prod(spacing)) / 1000
        core_ml, late_ml = (round(int(mask.sum()) * voxel_ml, 3) for mask in masks)
        readouts = LearnedReadouts(
            network_core_ml=core_ml,
            network_expected_core_ml=round(float(maps.core.sum(dtype=np.float64)) * voxel_ml, 3),
            network_hypoperfused_ml=late_ml,
            network_mismatch_ml=round(late_ml - core_ml, 3),
            network_mismatch=round(late_ml / core_ml, 3) if core_ml else None,
        )
        return cls(masks[0], masks[1], readouts)


@dataclass(frozen=True)
class LearnedQuality:
    """What a scan is like, by which it is compared with those of the training."""

    noise_hu: float | None
    """SD at standard pixels [HU]; None where it cannot be measured."""
    frame_interval_s: float
    """Median [s]."""
    duration_s: float
    """From the first to the last frame [s]."""
    arrival_s: float | None
    """Contrast arrives in the brain this long after the first frame [s]; None if it does so after the standard time."""
    slices: int
    """That show a brain."""
    slab_mm: float
    """From the first of them to the last [mm]."""
    cut_by_field: bool
    """Whether the brain reaches the edge of the standard field of view."""


@dataclass(frozen=True)
class LearnedAnalysis:
    """Results of the network on one scan."""

    scan: CTPScan
    """Motion-corrected."""
    maps: LearnedMaps
    lesion: LearnedLesion
    quality: LearnedQuality
    reliability: Reliability
    """How far the volumes can be trusted."""
