"""Slabs without contrast, of simulated heads of wide anatomy whose ASPECTS levels lie at 0 and 20 mm."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment, draw_baseline
from stroke_ctp.scan.levels import DISTANCE_MM, BaselineSlab, LevelChoice

PLANE_MM = 2.5
"""Between the planes of a head."""
_PIXEL_MM = 3.0
_ACROSS_MM = np.arange(-111.0, 112.0, _PIXEL_MM)
_DARK_EVERY = 4
"""White matter of every so manieth head is dark."""


@dataclass(frozen=True)
class SimulatedSlab:
    """Slices of a head, and how high they lie."""

    slab: BaselineSlab
    heights: Float[np.ndarray, " slice"]
    """Above the basal ganglia level [mm]."""

    @property
    def spacing_mm(self) -> float:
        """Between slices, and the thickness of a slice."""
        return float(self.heights[1] - self.heights[0])

    @property
    def holds_both_levels(self) -> bool:
        """Whether some slice contains each level."""
        half = self.spacing_mm / 2
        return bool(self.heights[0] - half <= 0 and self.heights[-1] + half >= DISTANCE_MM)

    def error_mm(self, choice: LevelChoice) -> float:
        """How far the worse of both slices is from its level [mm]."""
        found = [self.heights[choice.slices[level][1]] for level in LEVELS]
        return float(max(abs(found[0]), abs(found[1] - DISTANCE_MM)))


def simulated_head(
    number: int, planes: Float[np.ndarray, " plane"], seed: int = 3
) -> Float[np.ndarray, "plane height width"]:
    """Planes of a head without contrast [HU].

    Sizes and ventricles vary more than those of the simulated cohorts (assumed); every fourth head has white matter of
    20 to 24 HU.

    Args:
        number: Of the head.
        planes: Heights above the basal ganglia level [mm].
        seed: Changes all heads.
    """
    random = np.random.default_rng([seed, number])
    anatomy = replace(
        Anatomy.draw(random),
        size=random.uniform(0.9, 1.08),
        ventricle_size=random.uniform(0.7, 1.8),
        yaw=np.deg2rad(random.normal(0, 5)),
    )
    label, _ = anatomy.compartments(Grid(z=planes, y=_ACROSS_MM, x=_ACROSS_MM), 1)
    baseline = draw_baseline(random)
    if number % _DARK_EVERY == 0:
        baseline[[Compartment.WHITE, Compartment.WHITE_CORE, Compartment.WHITE_PENUMBRA]] = random.uniform(20, 24)
    return baseline[label] + random.normal(0, random.uniform(0.5, 1.5), label.shape)


def cut_slab(
    head: Float[np.ndarray, "plane height width"],
    planes: Float[np.ndarray, " plane"],
    lowest_mm: float,
    slices: int,
    thickness_mm: float,
) -> SimulatedSlab:
    """A slab of a head.

    Args:
        head: From `simulated_head`.
        planes: Heights of its planes [mm].
        lowest_mm: Centre of the most inferior slice; the nearest that the planes allow [mm].
        slices: Their number.
        thickness_mm: Of a slice, a multiple of `PLANE_MM` [mm].
    """
    each = round(thickness_mm / PLANE_MM)
    first = int(np.argmin(np.abs(planes + (each - 1) * PLANE_MM / 2 - lowest_mm)))
    starts = [first + each * k for k in range(slices)]
    heights = np.array([planes[start : start + each].mean() for start in starts])
    baseline = np.stack([head[start : start + each].mean(axis=0) for start in starts])
    return SimulatedSlab(BaselineSlab(baseline, (_PIXEL_MM, _PIXEL_MM), 137.0 + heights - heights[0]), heights)
