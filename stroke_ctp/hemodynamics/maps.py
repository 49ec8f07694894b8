"""Perfusion maps of a scan: from attenuation to CBF, CBV, MTT, Tmax and TTP."""

import dataclasses
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float32
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.hemodynamics.bolus_passage import BolusPassage
from stroke_ctp.hemodynamics.cbv_reference import VESSEL, scale_to_healthy
from stroke_ctp.hemodynamics.deconvolution import Deconvolution
from stroke_ctp.hemodynamics.kinetics import HAEMATOCRIT_RATIO
from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, HYPOPERFUSED_TMAX
from stroke_ctp.hemodynamics.tissue_perfusion import TissuePerfusion, tissue_perfusion
from stroke_ctp.hemodynamics.truncation import FirstPass, Truncation
from stroke_ctp.hemodynamics.vessel_selection import denoise

_LIGHT_SMOOTHING_MM = 1.0
"""Standard deviation of the Gaussian for telling grey from white matter: the cortex is 3 mm thick."""
_LEAST_CBF = 0.1
"""Least CBF for a meaningful transit time [mL/100 mL/min]."""


@dataclass(frozen=True, config=STRICT)
class Analysis:
    """Settings of the perfusion analysis."""

    calibration: Literal["reference", "venous"] = "reference"
    """Corrects the arterial curve for partial volume: reference sets the mean CBV of the unaffected hemisphere to that
    of healthy brain with the same share of grey matter; venous uses the area under the venous curve."""
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
    """Tissue of the hemisphere with the larger share of hypoperfused tissue, or of low CBV where nothing is
    hypoperfused."""
    healthy: Bool[np.ndarray, "slice height width"]
    """Tissue of the other."""
    seen: Float32[np.ndarray, "slice height width"]
    """Share of the area under each voxel's curve that the scan shows; CBV includes the rest."""
    partial_volume: float
    """Factor by which the arterial curve was multiplied."""
    grey_share: float
    """Estimated share of grey matter in the healthy hemisphere."""
    truncation: Truncation
    """What the scan's end cuts off."""


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
    tissue = passage.tissue
    without_vessels = passage.brain & ~_vessels(passage, pixel_mm)
    smooth = _smooth_within(passage.rise, without_vessels, pixel_mm, analysis.smoothing_mm)
    curves = np.ascontiguousarray(smooth[:, tissue].T)
    # A vein is no tissue, its offset cannot be fitted: that of the artery cancels only if tissue keeps its own too.
    noise = _noise(curves[:, : passage.n_baseline]) if analysis.calibration == "reference" else 0.0
    found = tissue_perfusion(curves, passage.artery.curve, passage.step, analysis.deconvolution, noise)
    late = found.lag > HYPOPERFUSED_TMAX
    area = _smooth_within(passage.rise.sum(axis=0, keepdims=True), without_vessels, pixel_mm, _LIGHT_SMOOTHING_MM)
    sharp_cbv = 100 * HAEMATOCRIT_RATIO * area[0, tissue] / np.float32(passage.artery.curve.sum()) / found.seen
    affected = _affected(late if late.any() else _low(found.cbv, sharp_cbv), passage.left[tissue])
    partial_volume, grey_share = scale_to_healthy(sharp_cbv[~affected])
    if analysis.calibration == "venous":
        partial_volume = max(1.0, _venous_area(passage, analysis.deconvolution))
    cbf, cbv = found.cbf / partial_volume, found.cbv / partial_volume
    return Maps(
        cbf=_volume(cbf, tissue),
        cbv=_volume(cbv, tissue),
        mtt=_volume(60 * cbv / np.maximum(cbf, _LEAST_CBF), tissue),
        tmax=_volume(np.maximum(found.lag, 0), tissue),
        ttp=_volume(passage.step * np.maximum(curves.argmax(axis=1) - (passage.n_baseline - 1), 0), tissue),
        affected=_volume(affected, tissue),
        healthy=_volume(~affected, tissue),
        seen=_volume(found.seen, tissue),
        partial_volume=partial_volume,
        grey_share=grey_share,
        truncation=_truncation(passage, curves, late & affected, found),
    )


def _noise(baseline: Float32[np.ndarray, "voxel frame"]) -> float:
    """Standard deviation of the frames before the contrast, of all voxels together [HU]."""
    return float(np.sqrt(baseline.var(axis=1, ddof=1).mean()))


def _truncation(
    passage: BolusPassage,
    curves: Float32[np.ndarray, "voxel time"],
    late: Bool[np.ndarray, " voxel"],
    found: TissuePerfusion,
) -> Truncation:
    """What the end of the scan cuts off from the vessels' curves and those of tissue, all of it and the late part."""
    first_pass = FirstPass.of(passage.artery.curve, passage.step, passage.n_baseline)
    part = late if late.any() else np.ones(len(curves), bool)
    return Truncation(
        artery_s=first_pass.missing_s(),
        vein_s=first_pass.missing_s(passage.vein.curve) if passage.vein is not None else None,
        tissue_s=first_pass.missing_s(curves.mean(axis=0)),
        late_tissue_s=first_pass.missing_s(curves[late].mean(axis=0)) if late.any() else None,
        unseen_share=_unseen_share(found.cbv[part], found.seen[part]),
    )


def _unseen_share(cbv: Float32[np.ndarray, " voxel"], seen: Float32[np.ndarray, " voxel"]) -> float:
    """Share of some voxels' CBV that the scan does not show; all of it where there is none."""
    return float(1 - cbv @ seen / cbv.sum()) if cbv.any() else 1.0


def _venous_area(passage: BolusPassage, deconvolution: Deconvolution) -> float:
    """Area under the venous curve over that under the arterial one, corrected for what the scan does not show."""
    vein = passage.require_vein().curve[None].astype(np.float32)
    found = tissue_perfusion(vein, passage.artery.curve, passage.step, deconvolution)
    return float(found.cbv[0]) / (100 * HAEMATOCRIT_RATIO)


def _affected(abnormal: Bool[np.ndarray, " voxel"], left: Bool[np.ndarray, " voxel"]) -> Bool[np.ndarray, " voxel"]:
    """Voxels of the hemisphere with the larger share of abnormal tissue."""
    return left if abnormal[left].mean() > abnormal[~left].mean() else ~left


def _low(cbv: Float32[np.ndarray, " voxel"], sharp_cbv: Float32[np.ndarray, " voxel"]) -> Bool[np.ndarray, " voxel"]:
    """CBV of a core, on the scale of all tissue: an infarct that is perfused again is not late.

    Args:
        cbv: Before it has a scale.
        sharp_cbv: The same, smoothed little.
    """
    return cbv < CORE_CBV * scale_to_healthy(sharp_cbv)[0]


def _volume(values: np.ndarray, tissue: Bool[np.ndarray, "slice height width"]) -> np.ndarray:
    """Values of tissue in their places, 0 elsewhere; 32-bit where they are numbers."""
    volume = np.zeros(tissue.shape, bool if values.dtype == bool else np.float32)
    volume[tissue] = values
    return volume


def _vessels(passage: BolusPassage, pixel_mm: tuple[float, float]) -> Bool[np.ndarray, "slice height width"]:
    """Voxels that enhance as no tissue does: smoothed, they would hide the tissue around them.

    An artery of 5 mm in a core would raise the CBV of 2 cm² above the threshold.
    """
    area = denoise(passage.rise.sum(axis=0, keepdims=True), pixel_mm)[0]
    return area > VESSEL * np.median(area[passage.tissue])


def _smooth_within(
    rise: Float32[np.ndarray, "time slice height width"],
    mask: Bool[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
    sigma_mm: float,
) -> Float32[np.ndarray, "time slice height width"]:
    """Gaussian smoothing in the plane of what lies in the mask."""
    if sigma_mm == 0:
        return rise
    sigma = tuple(sigma_mm / mm for mm in pixel_mm)
    rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    box = (..., slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    weight = gaussian_filter(mask[box].astype(np.float32), (0, *sigma), mode="constant")
    smooth = np.zeros_like(rise)
    smooth[box] = gaussian_filter(rise[box] * mask[box], (0, 0, *sigma), mode="constant") / np.maximum(weight, 1e-3)
    return smooth
