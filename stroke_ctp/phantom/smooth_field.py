"""Smooth random fields that can be sampled on any grid: a patient looks the same on all of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline

EXTENT = 130.0
"""Fields are defined within ± this distance of the head's centre [mm]."""


@dataclass(frozen=True)
class Grid:
    """Points of a box along the patient's axes, relative to the head's centre."""

    z: Float[np.ndarray, " z"]
    """Inferior to superior [mm]."""
    y: Float[np.ndarray, " y"]
    """Anterior to posterior [mm]."""
    x: Float[np.ndarray, " x"]
    """The patient's right to left [mm]."""

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel [mL]."""
        return float((self.z[1] - self.z[0]) * (self.y[1] - self.y[0]) * (self.x[1] - self.x[0])) / 1000

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three coordinates, shaped to broadcast to `[z, y, x]`."""
        return self.z[:, None, None], self.y[None, :, None], self.x[None, None, :]


class SmoothField:
    """A random field of unit variance: cubic B-splines on a lattice of independent normal numbers."""

    def __init__(self, wavelength: float, random: np.random.Generator) -> None:
        """Draw the lattice; `wavelength` is its spacing [mm]."""
        self.knots = np.arange(-EXTENT - 3 * wavelength, EXTENT + 4 * wavelength, wavelength)
        count = self.knots.size - 4
        # A cubic B-spline at random phase keeps 0.479 of the lattice's variance along each axis.
        self.lattice = random.standard_normal((count, count, count), dtype=np.float32) / 0.479**1.5

    def on(self, grid: Grid) -> Float[np.ndarray, "z y x"]:
        """The field's values at the grid's points."""
        z, y, x = (
            BSpline.design_matrix(np.clip(axis, -EXTENT, EXTENT), self.knots, 3).toarray().astype(np.float32)
            for axis in (grid.z, grid.y, grid.x)
        )
        field = np.tensordot(z, self.lattice, 1)
        field = np.matmul(y, field)
        return np.matmul(field, x.T)
