"""Arterial and venous enhancement of one patient."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import cumulative_trapezoid

STEP = 0.1
"""Sampling interval of every curve before the scanner samples it [s]."""
DURATION = 120.0
"""Duration of curves [s]: beyond the longest scan with the longest delay."""


@dataclass(frozen=True)
class Bolus:
    """Parameters of an arterial input function and of the venous curve that follows it."""

    onset: float
    """Time at which the arterial curve passes a tenth of its peak [s]."""
    alpha: float
    """Gamma-variate shape."""
    beta: float
    """Gamma-variate scale [s]."""
    peak: float
    """True arterial peak [HU]."""
    tail: float
    """Recirculation: height of the tail over that of the peak."""
    venous_peak: float
    """Peak in the large sinuses [HU]."""
    venous_lag: float
    """Time from the arterial to the venous peak [s]."""


def draw_bolus(random: np.random.Generator) -> Bolus:
    """A bolus drawn from the spread of 93 measured ISLES 2018 curves.

    Medians and quartiles of that sample: onset 8 s (6–10), α 5.3 (4.0–7.6), β 2.1 s (1.7–2.8), FWHM
    11.3 s (9.9–14.5), tail/peak 0.21 (0.16–0.27), venous peak 148 HU (118–215), 6 s (5–7) later. α and β
    are log-normal; their correlation of −0.65 is what reproduces the spread of FWHM ≈ 2.36·β·√α. Measured
    arterial peaks suffer partial volume: true ones are drawn from 150–500 HU.
    """
    shape, scale = random.multivariate_normal([0, 0], [[1, -0.65], [-0.65, 1]])
    return Bolus(
        onset=max(random.normal(8.0, 4 / 1.349), 2.0),
        alpha=5.3 * np.exp(np.log(7.6 / 4.0) / 1.349 * shape),
        beta=2.1 * np.exp(np.log(2.8 / 1.7) / 1.349 * scale),
        peak=float(np.exp(random.uniform(np.log(150), np.log(500)))),
        tail=float(np.clip(random.normal(0.21, 0.11 / 1.349), 0.05, 0.5)),
        venous_peak=148 * np.exp(np.log(215 / 118) / 1.349 * random.normal()),
        venous_lag=max(random.normal(6.0, 2 / 1.349), 2.0),
    )


def arterial_curve(bolus: Bolus) -> Float[np.ndarray, " time"]:
    """Arterial enhancement [HU] every `STEP` seconds for `DURATION` seconds from the first frame."""
    times = np.arange(round(DURATION / STEP)) * STEP
    start = bolus.onset - bolus.alpha * bolus.beta * _rise_to_tenth(bolus.alpha)
    return _first_pass_and_tail(times - start, bolus)


def venous_curve(bolus: Bolus) -> Float[np.ndarray, " time"]:
    """Venous enhancement [HU], sampled as `arterial_curve`: the same bolus, later, broader by a fifth."""
    times = np.arange(round(DURATION / STEP)) * STEP
    start = bolus.onset - bolus.alpha * bolus.beta * _rise_to_tenth(bolus.alpha)
    arterial_peak = bolus.alpha * bolus.beta
    stretched = (times - start - bolus.venous_lag - arterial_peak) / 1.2 + arterial_peak
    return _first_pass_and_tail(stretched, bolus) * (bolus.venous_peak / bolus.peak)


def _first_pass_and_tail(since_start: Float[np.ndarray, " time"], bolus: Bolus) -> Float[np.ndarray, " time"]:
    """Gamma-variate first pass of the stated peak, on a recirculation that follows its integral."""
    relative = np.clip(since_start, 0, None) / (bolus.alpha * bolus.beta)
    first_pass = relative**bolus.alpha * np.exp(bolus.alpha * (1 - relative))
    integral = cumulative_trapezoid(first_pass, dx=STEP, initial=0)
    again = np.interp(since_start - bolus.alpha * bolus.beta, since_start, integral / integral[-1], left=0.0)
    curve = first_pass + bolus.tail * again
    return bolus.peak * curve / curve.max()


def _rise_to_tenth(alpha: float) -> float:
    """Time at which a gamma-variate passes a tenth of its peak, relative to its time to peak."""
    grid = np.linspace(1e-3, 1, 2000)
    return float(np.interp(np.log(0.1), alpha * (np.log(grid) + 1 - grid), grid))
