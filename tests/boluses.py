"""Arterial curves in closed form and the tissues of the phantom's sheet."""

import numpy as np

from stroke_ctp.hemodynamics.kinetics import tissue_curve

FINE = 0.05
"""Step at which tissue is computed before a scanner samples it [s]."""

# CBF [mL/100 g/min], CBV [mL/100 g], delay [s]
TISSUES = {
    "grey": (53.0, 3.3, 0.5),
    "white": (25.0, 1.9, 0.5),
    "grey penumbra": (16.0, 3.0, 4.0),
    "white penumbra": (7.5, 1.7, 8.0),
    "grey core": (5.3, 0.71, 9.0),
    "white core": (2.5, 0.42, 12.0),
}


def gamma_variate(t, start=3.0, alpha=5.3, beta=2.1, peak=300.0):
    """A first pass without recirculation [HU]; the phantom's median shape."""
    relative = np.clip(np.asarray(t) - start, 0, None) / (alpha * beta)
    return peak * relative**alpha * np.exp(alpha * (1 - relative))


def sampled(cbf, cbv, delay, step, duration, start=3.0, fine=FINE):
    """Artery and tissue as a scanner samples them [HU]; the artery is linear within each `fine` step."""
    times = np.arange(0, duration, fine)
    every = round(step / fine)
    tissue = tissue_curve(gamma_variate(times, start), fine, cbf, 60 * cbv / cbf, delay)
    return gamma_variate(times[::every], start), tissue[::every]
