"""Perfusion of tissue from its curve and that of its artery."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from stroke_ctp.hemodynamics.completion import TissueModels
from stroke_ctp.hemodynamics.deconvolution import Deconvolution, flow_and_tmax
from stroke_ctp.hemodynamics.kinetics import HAEMATOCRIT_RATIO
from stroke_ctp.hemodynamics.time_grid import GRID_S, grid_from_frames


@dataclass(frozen=True)
class TissuePerfusion:
    """Perfusion of each voxel."""

    cbf: Float32[np.ndarray, " voxel"]
    """[mL/100 mL/min]"""
    cbv: Float32[np.ndarray, " voxel"]
    """[mL/100 mL]"""
    lag: Float32[np.ndarray, " voxel"]
    """Of the residue function's maximum behind the artery [s]; negative before it."""
    seen: Float32[np.ndarray, " voxel"]
    """Share of the area under the curve that the scan shows; CBV includes the rest."""


def tissue_perfusion(
    tissue: Float32[np.ndarray, "voxel time"],
    arterial: Float[np.ndarray, " time"],
    step: float,
    deconvolution: Deconvolution,
    noise_hu: float = 0.0,
) -> TissuePerfusion:
    """Perfusion of tissue behind its artery.

    Curves are taken to one time grid (`time_grid`), freed from the offset of a noisy baseline, and continued beyond the
    end of the scan (`completion`). CBV is the ratio of the areas under both curves, corrected for what the scan does
    not show.

    Args:
        tissue: Enhancement [HU].
        arterial: Enhancement of the artery at the same times [HU].
        step: Time between frames [s].
        deconvolution: How residue functions are regularized.
        noise_hu: Standard deviation of a tissue curve's frames; 0 if free of noise [HU].
    """
    grid = grid_from_frames(len(arterial), step)
    models = TissueModels(grid @ arterial, len(arterial), noise_hu)
    completed = models.complete(tissue @ grid.T.astype(np.float32))
    flow, lag = flow_and_tmax(completed.tissue, models.arterial, GRID_S, deconvolution)
    cbf = 6000 * np.float32(HAEMATOCRIT_RATIO) * np.maximum(flow, 0)
    return TissuePerfusion(cbf, completed.cbv, lag, completed.seen)
