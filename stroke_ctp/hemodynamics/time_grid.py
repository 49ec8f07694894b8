"""One time grid for all scans, so that deconvolution does not depend on their sampling interval."""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import make_interp_spline, make_lsq_spline

GRID_S = 1.0
"""Interval of the grid [s]. The oscillation index and the width of an arterial step depend on it."""


def grid_from_frames(n_frames: int, step: float) -> Float[np.ndarray, "grid frame"]:
    """Matrix that takes a curve from the frames of a scan to the grid, from the first frame on.

    Cubic splines: through the frames where they lie farther apart than the grid's points, by least squares where they
    lie closer, so that all of them lower the noise.

    Args:
        n_frames: At least 4.
        step: Time between frames [s].
    """
    times = np.arange(n_frames) * step
    grid = np.arange(0, times[-1] + 1e-6, GRID_S)
    if step < GRID_S:
        knots = np.concatenate([[times[0]] * 4, grid[2:-2], [times[-1]] * 4])
        return make_lsq_spline(times, np.eye(n_frames), knots, k=3)(grid)
    return make_interp_spline(times, np.eye(n_frames), k=3)(grid)
