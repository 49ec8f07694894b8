"""How much of the bolus' passage lies beyond the end of a scan."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.hemodynamics.completion import TissueModels
from stroke_ctp.hemodynamics.kinetics import tissue_curve
from stroke_ctp.hemodynamics.time_grid import GRID_S, grid_from_frames

LONGEST_S = 60.0
"""Nothing is said to be further beyond the end of a scan [s]."""
_GONE = 0.1
"""A first pass has left when its curve has fallen to this share of its peak."""
_RECIRCULATED = 0.6
"""Below this share of its peak an arterial curve may be recirculation, of which the tail is half as high at most."""
_FOOT = 0.05
"""Below this share of its peak the arterial curve is noise."""


@dataclass(frozen=True)
class Truncation:
    """Seconds by which a scan ends before the first pass has left; 0 where it shows all of it, `LONGEST_S` at most.

    A first pass has left when its extrapolated curve has fallen to a tenth of its peak.
    """

    artery_s: float
    vein_s: float | None
    """None without a vein."""
    tissue_s: float
    """Of the mean over all tissue."""
    late_tissue_s: float | None
    """Of the mean over hypoperfused tissue, Tmax above 6 s; None without any."""
    unseen_share: float
    """Share of the area under hypoperfused tissue's curves, or all tissue's without any, that the scan does not show.
    Without a correction, CBV would be too low by this share."""


@dataclass(frozen=True)
class FirstPass:
    """An artery's first pass, extrapolated, and all tissues behind it."""

    grid: Float[np.ndarray, "grid frame"]
    """Takes curves from frames to the grid."""
    arterial: Float[np.ndarray, " time"]
    """Enhancement on the grid, from the first frame to `LONGEST_S` after the last [HU]."""
    models: TissueModels
    """Fitted to curves that follow the measured artery."""

    @classmethod
    def of(cls, arterial: Float[np.ndarray, " frame"], step: float, n_baseline: int) -> "FirstPass":
        """First pass of an artery.

        Args:
            arterial: Enhancement at the frames of the scan [HU].
            step: Time between frames [s].
            n_baseline: Frames before the contrast.
        """
        grid = grid_from_frames(len(arterial), step)
        measured = grid @ arterial
        times = np.arange(measured.size + round(LONGEST_S / GRID_S)) * GRID_S
        start = (n_baseline - 1) * step
        return cls(grid, gamma_variate_through(measured, start, times), TissueModels(measured, len(arterial)))

    def missing_s(self, curve: Float[np.ndarray, " frame"] | None = None) -> float:
        """Seconds between the end of the scan and that of a first pass.

        Args:
            curve: Enhancement of tissue or of a vein at the frames of the scan [HU]; by default the artery's.
        """
        n_measured = len(self.models.measured)
        if curve is None:
            return _seconds_left(self.arterial, n_measured)
        weights = self.models.weights(self.grid @ curve)
        left = [
            _seconds_left(tissue_curve(self.arterial, GRID_S, 60 / mtt, mtt, max(delay, 0.0)), n_measured)
            for delay, mtt in self.models.parameters
        ]
        return float(weights @ np.array(left))


def gamma_variate_through(
    curve: Float[np.ndarray, " measured"], start: float, times: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Gamma-variate with a given start through the first pass of a curve, at other times [HU].

    Its logarithm is linear in all other parameters, which are fitted by least squares, weighted by the curve: the
    logarithm of a value has an error of the inverse of the value (Thompson et al., Circ Res 1964).

    Args:
        curve: Enhancement on the grid [HU].
        start: When the contrast arrives [s].
        times: When to evaluate [s].
    """
    top, peak = int(curve.argmax()), float(curve.max())
    fallen = np.flatnonzero(curve[top:] < _RECIRCULATED * peak)
    end = top + int(fallen[0]) if fallen.size else curve.size
    since = np.arange(end) * GRID_S - start
    used = (since > 0) & (curve[:end] > _FOOT * peak)
    value = curve[:end][used]
    design = np.stack([np.ones(value.size), np.log(since[used]), -since[used]], axis=1) * value[:, None]
    height, shape, rate = np.linalg.lstsq(design, value * np.log(value), rcond=None)[0]
    after = np.maximum(times - start, GRID_S / 100)
    # Nothing is known about how an artery falls that has not begun to.
    return np.where(times > start, np.exp(height + max(shape, 0.0) * np.log(after) - max(rate, 0.0) * after), 0.0)


def _seconds_left(curve: Float[np.ndarray, " time"], n_measured: int) -> float:
    """Seconds after the last measured sample at which a curve still has more than `_GONE` of its peak."""
    last = int(np.flatnonzero(curve > _GONE * curve.max())[-1])
    return float(np.clip((last + 1 - (n_measured - 1)) * GRID_S, 0, LONGEST_S))
