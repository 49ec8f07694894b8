"""Grey and white matter, segmented by the patient's own attenuation, symmetry and enhancement.

White matter of 20 HU, leukoaraiosis and an early infarct are darker than any fixed threshold that fluid stays below.
Fluid is found instead: it is the lowest peak of the histogram, does not enhance, and lies on both sides of the midline.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Shaped
from scipy.ndimage import binary_dilation, binary_opening, gaussian_filter, gaussian_filter1d
from scipy.signal import find_peaks

from stroke_ctp.hemodynamics.midline import Midline
from stroke_ctp.hemodynamics.regions import disc, erode_from_bone
from stroke_ctp.statistics.robust import robust_sd

_DENSEST_HU = 60.0
"""Brain tissue lies below without contrast; calcifications, clots and voxels with bone above."""
_CUT_HU = (-20.0, 80.0)
"""Attenuation is cut to this range before smoothing: bone would spread otherwise."""
_SMOOTHING_MM = 1.5
_RIM_MM = 2.0
"""Fluid and the blur of bone lie within this distance of the skull."""
_FLUID_HU = (-2.0, 18.0)
"""Where the peak of cerebrospinal fluid is looked for."""
_USUAL_FLUID_HU = 10.0
"""Where a slab shows no fluid."""
_FLUID_WIDTH_HU = 2.0
"""Voxels of pure fluid lie less than this above its peak."""
_LEAST_FLUID_CM2 = 1.0
"""Area of a peak of fluid, over all slices."""
_LEAST_GAP_HU = 4.0
"""Between the peaks of fluid and white matter."""
_BIN_HU, _BIN_SMOOTHING_HU = 0.5, 1.0
_HIGH, _ENHANCING = 0.8, 0.4
"""What enhances by this share of the quantile is tissue, even in a head that holds much fluid."""
_PERFUSED = 0.8
"""Dark voxels that enhance by this share of the tissue's median are perfused tissue."""
_REGION_MM = 4.0
"""Smoothing of enhancement over a region."""
_VESSEL = 4.0
"""Voxels that enhance by this multiple of the tissue's median are vessels: grey matter holds 1.7 times the blood of
white matter (Riordan et al., Med Phys 2011)."""
_VESSEL_SDS = 5.0
"""Voxels that exceed the median by less may do so by noise."""
_VESSEL_MM = 1.0
"""Smoothing of enhancement that keeps vessels."""
_MIRROR_MM = 4.5
"""Both sides of a head differ by this much in the place of their ventricles and fissures."""
_WIDTH_MM = 8.0
"""Narrower pieces of tissue share their voxels with fluid."""


def tissue_mask(
    baseline: Float[np.ndarray, "slice height width"],
    enhancement: Float[np.ndarray, "slice height width"],
    brain: Bool[np.ndarray, "slice height width"],
    midline: Midline,
    pixel_mm: tuple[float, float],
) -> Bool[np.ndarray, "slice height width"]:
    """Grey and white matter, perfused or not, without fluid, vessels, bone, air and calcifications.

    Args:
        baseline: Attenuation without contrast [HU].
        enhancement: Mean over the frames after the arrival of the bolus [HU].
        brain: From `intracranial_mask`.
        midline: From `find_midline`.
        pixel_mm: Distance between rows and columns [mm].
    """
    inner = erode_from_bone(brain, pixel_mm, _RIM_MM)
    # Fluid alone keeps its attenuation: with the enhancement it stands out from dark tissue, and from noise.
    raised = _smooth_within(baseline + enhancement, inner, pixel_mm)
    regional, local = (_blurred(enhancement, mm, pixel_mm) for mm in (_REGION_MM, _VESSEL_MM))
    enhancing = inner & (regional > _ENHANCING * np.quantile(regional[inner], _HIGH)) if inner.any() else inner
    fluid, white = fluid_and_white_matter(raised, inner, enhancing, midline, pixel_mm)
    middle = (fluid + white) / 2
    dark = inner & (raised < middle)
    perfused = regional > _PERFUSED * np.median(regional[inner & ~dark])
    lost = ~_near_mirrored(dark, midline, pixel_mm) if midline.found else np.zeros_like(dark)
    tissue = inner & (raised > fluid + _FLUID_WIDTH_HU) & (~dark | perfused | lost)
    tissue &= _smooth_within(baseline, inner, pixel_mm) < _DENSEST_HU
    tissue = binary_opening(tissue, disc(_WIDTH_MM / 2, pixel_mm)[None])
    return tissue & ~_vessels(local, tissue)


def _vessels(
    local: Float32[np.ndarray, "slice height width"], tissue: Bool[np.ndarray, "slice height width"]
) -> Bool[np.ndarray, "slice height width"]:
    """Voxels that enhance by far more than tissue and its noise."""
    values = local[tissue] if tissue.any() else np.zeros(1)
    middle = np.median(values)
    spread = robust_sd(values)
    return local > max(_VESSEL * middle, middle + _VESSEL_SDS * spread)


def fluid_and_white_matter(
    raised: Float[np.ndarray, "slice height width"],
    inner: Bool[np.ndarray, "slice height width"],
    enhancing: Bool[np.ndarray, "slice height width"],
    midline: Midline,
    pixel_mm: tuple[float, float],
) -> tuple[float, float]:
    """Peaks of fluid and of white matter in the histogram of a head [HU].

    White matter is the lowest peak of what enhances, fluid the lowest peak of all. For fluid, a voxel counts with the
    brighter side of the head, so that an infarct, which is dark on one side, is no fluid.

    Args:
        raised: Attenuation, smoothed; `0` outside `inner` [HU].
        inner: The brain without its rim.
        enhancing: Voxels of it that enhance.
        midline: From `find_midline`.
        pixel_mm: Distance between rows and columns [mm].
    """
    brighter = np.maximum(raised, midline.mirrored(raised, pixel_mm))
    centres, perfused = _histogram(raised[enhancing])
    _, height = _histogram(brighter[inner])
    peaks, _ = find_peaks(perfused, height=perfused.max() / 4)
    white = float(centres[peaks[0]]) if len(peaks) else float(centres[perfused.argmax()])
    least = _LEAST_FLUID_CM2 * 100 / (pixel_mm[0] * pixel_mm[1])
    for peak in find_peaks(height)[0]:
        near = np.abs(centres - centres[peak]) < _FLUID_WIDTH_HU
        in_range = _FLUID_HU[0] < centres[peak] < min(_FLUID_HU[1], white - _LEAST_GAP_HU)
        if in_range and height[near].sum() >= least:
            return float(centres[peak]), white
    return min(_USUAL_FLUID_HU, white - 2 * _FLUID_WIDTH_HU), white


def _histogram(
    values: Float[np.ndarray, " voxel"],
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """Centres of the bins [HU], and smoothed counts."""
    edges = np.arange(*_CUT_HU, _BIN_HU)
    counts = np.histogram(values, edges)[0].astype(np.float64)
    return (edges[:-1] + edges[1:]) / 2, gaussian_filter1d(counts, _BIN_SMOOTHING_HU / _BIN_HU)


def _near_mirrored(
    mask: Bool[np.ndarray, "slice height width"], midline: Midline, pixel_mm: tuple[float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """Whether the other side of the head has a voxel of the mask near each place."""
    mirrored = midline.mirrored(mask.astype(np.float32), pixel_mm) > 0.5
    return binary_dilation(mirrored, disc(_MIRROR_MM, pixel_mm)[None])


def _blurred(
    values: Shaped[np.ndarray, "slice height width"], sigma_mm: float, pixel_mm: tuple[float, float]
) -> Float32[np.ndarray, "slice height width"]:
    """Gaussian smoothing in the plane."""
    return gaussian_filter(values.astype(np.float32), (0, *(sigma_mm / mm for mm in pixel_mm)))


def _smooth_within(
    values: Float[np.ndarray, "slice height width"],
    inside: Bool[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
) -> Float32[np.ndarray, "slice height width"]:
    """Gaussian smoothing in the plane, restricted to a mask; 0 outside it."""
    weight = _blurred(inside, _SMOOTHING_MM, pixel_mm)
    smooth = _blurred(np.clip(values, *_CUT_HU) * inside, _SMOOTHING_MM, pixel_mm)
    return np.where(inside, smooth / np.maximum(weight, 1e-3), 0).astype(np.float32)
