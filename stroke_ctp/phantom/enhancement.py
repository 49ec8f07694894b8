"""Enhancement of a head as a few curves and their weights at every point."""

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.sparse import csr_array

from stroke_ctp.hemodynamics.kinetics import DENSITY, tissue_curve
from stroke_ctp.phantom.contrast_curves import STEP, Bolus, arterial_curve, venous_curve
from stroke_ctp.phantom.perfusion_field import PerfusionField
from stroke_ctp.phantom.tissue import Compartment

_MTT_S = np.geomspace(1.5, 40.0, 32)
_DELAY_S = np.arange(0.0, 24.0, 0.3)
"""At which tissue curves are tabulated [s]."""
_N_CURVES = 20
"""So many span the tissue curves of a bolus to within 0.3 % of the peak in 19 of 20 curves, and 2 % in all."""
_SVD_EVERY = 10
"""Every so many samples decide on the curves: boluses are smooth over 1 s."""


def enhancement(
    bolus: Bolus, field: PerfusionField, label: Int[np.ndarray, "z y x"], collateral_delay: float
) -> tuple[Float32[np.ndarray, "curve time"], Float32[np.ndarray, "curve z y x"]]:
    """Enhancement as the sum of curves times their weights, of tissue and of vessels.

    Args:
        bolus: Of the patient.
        field: Perfusion of tissue.
        label: Compartment of every point.
        collateral_delay: Of the arteries beyond the occlusion, which fill through collaterals [s].

    Returns:
        Curves every `contrast_curves.STEP` seconds [HU], and the weight of each at every point.
    """
    arterial = arterial_curve(bolus)
    tissue_curves, weights_at = _tissue_basis(arterial)
    times = np.arange(arterial.size) * STEP
    vessels = {
        Compartment.ARTERY: arterial,
        Compartment.COLLATERAL_ARTERY: np.interp(times - collateral_delay, times, arterial, left=0.0),
        Compartment.VEIN: venous_curve(bolus),
    }
    weights = np.zeros((_N_CURVES + len(vessels), *label.shape), np.float32)
    inside = field.tissue
    of_unit_cbv = _bilinear(field.mtt[inside], field.delay[inside]) @ weights_at
    weights[:_N_CURVES, inside] = (field.cbv[inside, None] * of_unit_cbv).T
    for k, vessel in enumerate(vessels, start=_N_CURVES):
        weights[k] = label == vessel
    return np.stack([*tissue_curves, *vessels.values()]).astype(np.float32), weights


def _tissue_basis(
    arterial: Float[np.ndarray, " time"],
) -> tuple[Float[np.ndarray, "curve time"], Float32[np.ndarray, "entry curve"]]:
    """Curves that span the enhancement of tissue with a CBV of 1 mL/100 mL, and their weights for each table entry."""
    prompt = np.stack([tissue_curve(arterial, STEP, 60 / mtt / DENSITY, mtt) for mtt in _MTT_S])
    table = np.zeros((_MTT_S.size, _DELAY_S.size, arterial.size))
    for k, step in enumerate(np.round(_DELAY_S / STEP).astype(int)):
        table[:, k, step:] = prompt[:, : arterial.size - step]
    entries = table.reshape(-1, arterial.size)
    weights = np.linalg.svd(entries[:, ::_SVD_EVERY], full_matrices=False)[0][:, :_N_CURVES]
    return weights.T @ entries, weights.astype(np.float32)


def _bilinear(mtt: Float[np.ndarray, " point"], delay: Float[np.ndarray, " point"]) -> csr_array:
    """Weights of the four table entries around every point, `[point, entry]`."""
    row = np.interp(np.log(mtt), np.log(_MTT_S), np.arange(_MTT_S.size))
    column = np.interp(delay, _DELAY_S, np.arange(_DELAY_S.size))
    above, before = (np.minimum(x, n - 2).astype(np.int32) for x, n in ((row, _MTT_S.size), (column, _DELAY_S.size)))
    down, right = (row - above).astype(np.float32), (column - before).astype(np.float32)
    first = above * _DELAY_S.size + before
    entries = np.stack([first, first + 1, first + _DELAY_S.size, first + _DELAY_S.size + 1], axis=-1)
    shares = np.stack([(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], axis=-1)
    ends = np.arange(0, entries.size + 1, 4)
    return csr_array((shares.ravel(), entries.ravel(), ends), shape=(mtt.size, _MTT_S.size * _DELAY_S.size))
