"""Indicator dilution with an exponential residue function: enhancement of tissue after a bolus.

C(t) = ρ/k_H · CBF/6000 · (C_a ⊗ R)(t − delay),  R(t) = exp(−t/MTT),  CBV = CBF · MTT / 60

as in the digital perfusion phantoms of Kudo et al. (Radiology 2013) and Manhart et al. (IEEE TMI 2013).
CBF and CBV are per 100 g of tissue here; per 100 mL they are larger by the density ρ.
"""

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

DENSITY = 1.04
"""ρ, brain tissue [g/mL] (Rempp et al., Radiology 1994)."""
HAEMATOCRIT_RATIO = 0.73
"""k_H, plasma fraction of large vessels over that of small ones, by their haematocrits: (1 − 0.45) / (1 − 0.25)
(Rempp et al., Radiology 1994)."""


def tissue_curve(
    arterial: Float[np.ndarray, " time"], step: float, cbf: float, mtt: float, delay: float = 0.0
) -> Float[np.ndarray, " time"]:
    """Enhancement of tissue after an arterial bolus.

    The convolution is exact for an arterial curve that is linear between its samples, so its error is
    that of the sampling alone.

    Args:
        arterial: Arterial enhancement at 0, step, 2·step … [HU]; zero before.
        step: Sampling interval [s].
        cbf: Cerebral blood flow [mL/100 g/min].
        mtt: Mean transit time [s].
        delay: Time from the artery to the tissue [s].

    Returns:
        Enhancement at the same times [HU].
    """
    times = np.arange(arterial.size) * step
    delayed = np.interp(times - delay, times, arterial, left=0.0)
    decay = np.exp(-step / mtt)
    newer = mtt - mtt**2 * (1 - decay) / step
    older = mtt * (1 - decay) - newer
    convolved = lfilter([newer, older], [1.0, -decay], delayed)
    # The recursion counts a step that ends at 0 with an arterial value of 0 before it.
    convolved = convolved - newer * delayed[0] * decay ** np.arange(arterial.size)
    return DENSITY / HAEMATOCRIT_RATIO * cbf / 6000 * convolved


def per_100_ml(per_100_g: float) -> float:
    """Convert CBF or CBV from per 100 g of tissue to per 100 mL."""
    return per_100_g * DENSITY
