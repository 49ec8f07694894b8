"""Lesions of training patients: in any territory, none, one or several, with sharp or gradual edges."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32

from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.smooth_field import Grid, SmoothField

Point = tuple[float, float, float]
"""(x, y, z) in the head's axes [mm]."""

_COARSE = Grid(z=np.arange(-60.0, 65, 5), y=np.arange(-90.0, 91, 5), x=np.arange(-75.0, 76, 5))
"""On which volumes are measured."""
_TERRITORIES: dict[str, tuple[Point, Point]] = {
    "mca": ((42.0, -2.0, 14.0), (36.0, 58.0, 40.0)),
    "aca": ((9.0, -35.0, 25.0), (17.0, 45.0, 45.0)),
    "pca": ((22.0, 55.0, 5.0), (28.0, 32.0, 35.0)),
}
"""Centres and semi-axes of the territories of the large arteries; x is mirrored to both sides."""
_CENTRE_SPREAD = (0.14, 0.24, 0.23)
"""Spread of a lesion's centre over the semi-axes, as in `phantom.simulated_lesion`."""


@dataclass(frozen=True)
class Focus:
    """One lesion: two level sets of a field within a territory."""

    artery: str
    """mca, aca, pca, or any for a place that no artery explains."""
    centre: Point
    territory: tuple[Point, Point]
    """Centre and semi-axes of an ellipsoid."""
    ragged: SmoothField
    edge: float
    """Width of the transition, in units of the field (30 mm)."""
    core_level: float = -np.inf
    penumbra_level: float = -np.inf

    def shares(self, anatomy: Anatomy, grid: Grid) -> tuple[Float32[np.ndarray, "z y x"], Float32[np.ndarray, "z y x"]]:
        """Share of core and of hypoperfusion at each point, from 0 to 1."""
        inside, value = self.territory_and_field(anatomy, grid)
        core, low = (
            np.where(inside, np.clip(0.5 + (level - value) / self.edge, 0, 1), 0).astype(np.float32)
            for level in (self.core_level, self.penumbra_level)
        )
        return core, low

    def territory_and_field(
        self, anatomy: Anatomy, grid: Grid
    ) -> tuple[Bool[np.ndarray, "z y x"], Float[np.ndarray, "z y x"]]:
        """Points of the territory, and the order in which points are lost."""
        z, y, x = anatomy.head_axes(grid)
        (cx, cy, cz), (a, b, c) = self.territory
        inside = ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 < 1
        fx, fy, fz = self.centre
        distance = np.sqrt((x - fx) ** 2 + (0.8 * (y - fy)) ** 2 + (z - fz) ** 2) / 30
        return inside, distance + 0.15 * self.ragged.on(grid)


def draw_foci(anatomy: Anatomy, random: np.random.Generator) -> list[Focus]:
    """No lesion in a fifth of patients, one of the middle cerebral artery in most, else another or several."""
    kind = random.choice(["none", "mca", "other", "several"], p=[0.2, 0.54, 0.14, 0.12])
    if kind == "none":
        return []
    if kind == "mca":
        return [draw_focus("mca", anatomy, random)]
    number = 1 if kind == "other" else int(random.integers(2, 4))
    names = random.choice(["mca", "aca", "pca", "any"], number)
    return [draw_focus(str(name), anatomy, random) for name in names]


def draw_focus(artery: str, anatomy: Anatomy, random: np.random.Generator) -> Focus:
    """A lesion of log-normal volumes: core around 28 mL, none in 15 %; penumbra around 65 mL, next to none in 8 %."""
    focus = _placed(artery, random)
    core_ml = 0.0 if random.random() < 0.15 else 28 * np.exp(1.1 * random.normal())
    penumbra_ml = random.uniform(0, 8) if random.random() < 0.08 else 65 * np.exp(0.6 * random.normal())
    inside, value = focus.territory_and_field(anatomy, _COARSE)
    values = np.sort(value[inside & (anatomy.depth(_COARSE) > 4)])
    if values.size < 4:  # a place that hardly touches the brain
        return focus
    last_core = min(round(core_ml / _COARSE.voxel_ml), values.size * 11 // 12)
    last = min(last_core + round(penumbra_ml / _COARSE.voxel_ml), values.size - 1)
    core_level = float(values[last_core]) if last_core else -np.inf
    return replace(focus, core_level=core_level, penumbra_level=float(values[last]))


def _placed(artery: str, random: np.random.Generator) -> Focus:
    """A lesion of no volume at a random place."""
    side = random.choice([-1.0, 1.0])
    if artery == "any":
        cx, cy, cz = random.uniform((5, -60, -10), (50, 60, 35))
        a, b, c = random.uniform(20, 45, 3)
    else:
        (cx, cy, cz), (a, b, c) = _TERRITORIES[artery]
    fx, fy, fz = random.normal((cx, cy, cz), np.array([a, b, c]) * _CENTRE_SPREAD)
    return Focus(
        artery=artery,
        centre=(side * fx, fy, fz),
        territory=((side * cx, cy, cz), (a, b, c)),
        ragged=SmoothField(random.uniform(9, 18), random),
        edge=1e-3 if random.random() < 0.5 else random.uniform(0.02, 0.3),
    )
