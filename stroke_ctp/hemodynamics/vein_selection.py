"""Automatic selection of the venous output function (VOF)."""

import numpy as np
from jaxtyping import Bool, Float, Float32

from stroke_ctp.hemodynamics.vessel_selection import N_VOXELS, Vessel, mean_of_best

_DELAYS_S = np.arange(0.0, 10.1, 1.0)
_TRANSIT_TIMES_S = (1.0, 2.5, 5.0)
"""From the artery to a vein; blood takes about 4 s through healthy brain."""
_LEAST_LIKENESS = 0.95
"""Cosine between a vein's curve and the best transported artery: 0.98 at 3 HU of noise on a vein of 30 HU; the step of
a bone that moves into a voxel reaches 0.85."""
_LEAST_AREA = 0.5
"""Of the artery's: tissue that follows the bolus has less."""


def find_vein(
    rise: Float32[np.ndarray, "time slice height width"],
    sinuses: Bool[np.ndarray, "slice height width"],
    artery: Vessel,
    step: float,
) -> Vessel | None:
    """Venous output: of the curves that carry the artery's bolus, later and broader, those with the largest area.

    A vein's curve is the artery's, delayed and convolved with an exponential transit. Bone that moves into a voxel
    gives a step, which is like none of these.

    Args:
        rise: Enhancement, from `vessel_selection.denoise` [HU].
        sinuses: Region of the large sinuses: near the midline, behind the centre.
        artery: From `vessel_selection.find_artery`.
        step: Time between frames [s].

    Returns:
        The vein; None if no three voxels have such a curve.
    """
    places = np.argwhere(sinuses)
    curves = rise[:, sinuses].T.astype(np.float64)
    area = curves.sum(axis=1)
    top = curves.argmax(axis=1)
    large = (area >= _LEAST_AREA * artery.curve.sum()) & (top > artery.curve.argmax()) & (top < curves.shape[1] - 1)
    places, curves, area = places[large], curves[large], area[large]
    venous = likeness(curves, artery.curve, step) >= _LEAST_LIKENESS
    if venous.sum() < N_VOXELS:
        return None
    return mean_of_best(places, curves, np.where(venous, area, -np.inf))


def likeness(
    curves: Float[np.ndarray, "candidate time"], arterial: Float[np.ndarray, " time"], step: float
) -> Float[np.ndarray, " candidate"]:
    """Largest cosine between each curve and the artery's, delayed and dispersed.

    Args:
        curves: Enhancement [HU].
        arterial: Enhancement of the artery [HU].
        step: Time between frames [s].
    """
    times = np.arange(len(arterial)) * step
    transported = []
    for transit in _TRANSIT_TIMES_S:
        residue = np.exp(-times / transit)
        dispersed = np.convolve(arterial, residue)[: len(times)]
        transported += [np.interp(times - delay, times, dispersed, left=0.0) for delay in _DELAYS_S]
    templates = np.stack(transported)
    templates /= np.maximum(np.linalg.norm(templates, axis=1, keepdims=True), 1e-9)
    length = np.maximum(np.linalg.norm(curves, axis=1, keepdims=True), 1e-9)
    return (curves / length @ templates.T).max(axis=1, initial=-1.0)
