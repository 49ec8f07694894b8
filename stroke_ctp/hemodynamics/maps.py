"""Perfusion maps of a scan: from attenuation to CBF, CBV, MTT, Tmax and TTP."""

import dataclasses
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float, Float32
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.hemodynamics.bolus_passage import BolusPassage
from stroke_ctp.hemodynamics.deconvolution import Deconvolution, flow_and_tmax
from stroke_ctp.hemodynamics.kinetics import HAEMATOCRIT_RATIO

REFERENCE_CBV = 2.7
"""Of healthy brain, half grey and half white matter [mL/100 mL]: 1.04 · (3.3 + 1.9) / 2 (Manhart et al., IEEE TMI
2013, after Riordan et al., Med Phys 2011)."""

HYPOPERFUSED_TMAX = 6.0
"""Hypoperfused tissue has a Tmax above this [s] (Olivot et al., Stroke 2009)."""
_LEAST_CBF = 0.1
"""Least CBF for a meaningful transit time [mL/100 mL/min]."""


@dataclass(frozen=True, config=STRICT)
class Analysis:
    """Settings of the perfusion analysis."""

    calibration: Literal["reference", "venous"] = "reference"
    """Corrects the arterial curve for partial volume: reference sets the median CBV of the unaffected hemisphere to
    that of healthy brain; venous uses the area under the venous curve."""
    smoothing_mm: Annotated[float, Field(ge=0)] = 3.0
    """Standard deviation of the Gaussian in the plane; 0 for none [mm]."""
    deconvolution: Deconvolution = Deconvolution()
    """Regularization of residue functions."""


@dataclasses.dataclass(frozen=True)
class Maps:
    """Perfusion of one scan; 0 outside grey and white matter."""

    cbf: Float32[np.ndarray, "slice height width"]
    """[mL/100 mL/min]"""
    cbv: Float32[np.ndarray, "slice height width"]
    """[mL/100 mL]"""
    mtt: Float32[np.ndarray, "slice height width"]
    """CBV over CBF [s]."""
    tmax: Float32[np.ndarray, "slice height width"]
    """Time of the residue function's maximum after the artery; 0 if earlier [s]."""
    ttp: Float32[np.ndarray, "slice height width"]
    """Time of the highest enhancement after the last pre-contrast frame [s]."""
    affected: Bool[np.ndarray, "slice height width"]
    """Tissue of the hemisphere with the larger share of hypoperfused tissue."""
    healthy: Bool[np.ndarray, "slice height width"]
    """Tissue of the other."""
    partial_volume: float
    """Factor by which the arterial curve was multiplied."""


def perfusion_maps(passage: BolusPassage, pixel_mm: tuple[float, float], analysis: Analysis | None = None) -> Maps:
    """Compute the perfusion maps of a scan.

    Args:
        passage: From `find_bolus_passage`.
        pixel_mm: Distance between rows and columns [mm].
        analysis: Settings; by default `Analysis()`.

    Example:
        >>> from stroke_ctp import find_bolus_passage, perfusion_maps, read_scan
        >>> scan = read_scan("scan.nii.gz")
        >>> passage = find_bolus_passage(scan.hu, scan.times[:, 0], scan.spacing[1:])
        >>> maps = perfusion_maps(passage, scan.spacing[1:])
        >>> bool(maps.cbv[maps.affected].mean() < maps.cbv[maps.healthy].mean())
        True
    """
    analysis = analysis or Analysis()
    tissue, arterial = passage.tissue, passage.artery.curve
    smooth = _smooth_within(passage.rise, passage.brain, pixel_mm, analysis.smoothing_mm)
    curves = np.ascontiguousarray(smooth[:, tissue].T)
    cbf, cbv, lag = tissue_perfusion(curves, arterial, passage.step, analysis.deconvolution)
    affected = _affected(lag > HYPOPERFUSED_TMAX, passage.left[tissue])
    if analysis.calibration == "venous":
        partial_volume = max(1.0, float(passage.require_vein().curve.sum() / arterial.sum()))
    else:
        partial_volume = float(np.median(cbv[~affected])) / REFERENCE_CBV
    cbf, cbv = cbf / partial_volume, cbv / partial_volume
    return Maps(
        cbf=_volume(cbf, tissue),
        cbv=_volume(cbv, tissue),
        mtt=_volume(60 * cbv / np.maximum(cbf, _LEAST_CBF), tissue),
        tmax=_volume(np.maximum(lag, 0), tissue),
        ttp=_volume(passage.step * np.maximum(curves.argmax(axis=1) - passage.n_baseline, 0), tissue),
        affected=_volume(affected, tissue),
        healthy=_volume(~affected, tissue),
        partial_volume=partial_volume,
    )


def tissue_perfusion(
    tissue: Float32[np.ndarray, "voxel time"],
    arterial: Float[np.ndarray, " time"],
    step: float,
    deconvolution: Deconvolution,
) -> tuple[Float32[np.ndarray, " voxel"], Float32[np.ndarray, " voxel"], Float32[np.ndarray, " voxel"]]:
    """CBF [mL/100 mL/min], CBV [mL/100 mL] and lag [s] of tissue behind its artery.

    CBV is the ratio of the areas under both curves; enhancement after the end of the scan is missing from it.

    Args:
        tissue: Enhancement [HU].
        arterial: Enhancement of the artery at the same times [HU].
        step: Time between frames [s].
        deconvolution: How residue functions are regularized.
    """
    flow, lag = flow_and_tmax(tissue, arterial, step, deconvolution)
    area = tissue.sum(axis=1) / np.float32(arterial.sum())
    cbf, cbv = 6000 * HAEMATOCRIT_RATIO * flow, 100 * HAEMATOCRIT_RATIO * area
    return np.maximum(cbf, 0), np.maximum(cbv, 0), lag


def _affected(late: Bool[np.ndarray, " voxel"], left: Bool[np.ndarray, " voxel"]) -> Bool[np.ndarray, " voxel"]:
    """Voxels of the hemisphere with the larger share of hypoperfused tissue."""
    return left if late[left].mean() > late[~left].mean() else ~left


def _volume(values: np.ndarray, tissue: Bool[np.ndarray, "slice height width"]) -> np.ndarray:
    """Values of tissue in their places, 0 elsewhere; 32-bit where they are numbers."""
    volume = np.zeros(tissue.shape, bool if values.dtype == bool else np.float32)
    volume[tissue] = values
    return volume


def _smooth_within(
    rise: Float32[np.ndarray, "time slice height width"],
    brain: Bool[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
    sigma_mm: float,
) -> Float32[np.ndarray, "time slice height width"]:
    """Gaussian smoothing in the plane, restricted to the brain."""
    if sigma_mm == 0:
        return rise
    sigma = tuple(sigma_mm / mm for mm in pixel_mm)
    weight = gaussian_filter(brain.astype(np.float32), (0, *sigma))
    return gaussian_filter(rise * brain, (0, 0, *sigma)) / np.maximum(weight, 1e-3)
