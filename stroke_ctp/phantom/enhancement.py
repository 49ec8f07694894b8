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
_LEAST = 1e-3
"""Singular values below this share of the largest are left out: no curve changes by more than 1 % of its peak."""


def enhancement(
    bolus: Bolus,
    field: PerfusionField,
    label: Int[np.ndarray, "z y x"],
    collateral_delay: float,
    times: Float[np.ndarray, " time"],
) -> tuple[Float32[np.ndarray, "curve time"], Float32[np.ndarray, "curve z y x"]]:
    """Enhancement as the sum of curves times their weights, of tissue and of vessels.

    Args:
        bolus: Of the patient.
        field: Perfusion of tissue.
        label: Compartment of every point.
        collateral_delay: Of the arteries beyond the occlusion, which fill through collaterals [s].
        times: Of the frames [s].

    Returns:
        Curves at these times [HU], and the weight of each at every point.
    """
    arterial = arterial_curve(bolus)
    tissue_curves, weights_at = _tissue_basis(arterial, times)
    vessels = {
        Compartment.ARTERY: _at(times, arterial),
        Compartment.COLLATERAL_ARTERY: _at(times - collateral_delay, arterial),
        Compartment.VEIN: _at(times, venous_curve(bolus)),
    }
    weights = np.zeros((len(tissue_curves) + len(vessels), *label.shape), np.float32)
    inside = field.tissue
    of_unit_cbv = _bilinear(field.mtt[inside], field.delay[inside]) @ weights_at
    weights[: len(tissue_curves), inside] = (field.cbv[inside, None] * of_unit_cbv).T
    for k, vessel in enumerate(vessels, start=len(tissue_curves)):
        weights[k] = label == vessel
    return np.stack([*tissue_curves, *vessels.values()]).astype(np.float32), weights


def _at(times: Float[np.ndarray, "*any"], curve: Float[np.ndarray, " finetime"]) -> Float[np.ndarray, "*any"]:
    """A curve that is sampled every `STEP`, at other times; 0 before the first."""
    return np.interp(times, np.arange(curve.size) * STEP, curve, left=0.0)


def _tissue_basis(
    arterial: Float[np.ndarray, " finetime"], times: Float[np.ndarray, " time"]
) -> tuple[Float[np.ndarray, "curve time"], Float32[np.ndarray, "entry curve"]]:
    """Curves that span the enhancement of tissue with a CBV of 1 mL/100 mL, and their weights for each table entry."""
    late = times - _DELAY_S[:, None]
    table = [_at(late, tissue_curve(arterial, STEP, 60 / mtt / DENSITY, mtt)) for mtt in _MTT_S]
    weights, size, curves = np.linalg.svd(np.concatenate(table), full_matrices=False)
    kept = size > _LEAST * size[0]
    return size[kept, None] * curves[kept], weights[:, kept].astype(np.float32)


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
