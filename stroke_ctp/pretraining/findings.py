"""What else a training patient's head may show: old infarcts, blood, calcification, wide fluid spaces, open skulls."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from stroke_ctp.phantom.anatomy import Anatomy
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.pretraining.lesions import Point

_LATERAL_VENTRICLE = (((13.0, 4.0, 20.0), (4.5, 27.0, 8.0)), ((22.0, 34.0, 6.0), (5.0, 14.0, 8.0)))
"""Centres and semi-axes of body and trigone (x, y, z) [mm]."""
_SPOTS = (
    ("infarct", 0.18, (4.0, 22.0), (6.0, 20.0)),
    ("haemorrhage", 0.05, (4.0, 18.0), (55.0, 90.0)),
    ("calcification", 0.08, (1.5, 4.0), (100.0, 400.0)),
)
"""Kind, share of patients, range of radii [mm] and of attenuation [HU]."""
_PERFUSED = {"infarct": 0.15, "haemorrhage": 0.3, "calcification": 0.3}
"""Share of its CBV that a spot keeps."""


@dataclass(frozen=True)
class Spot:
    """A place without a stroke of today, and hardly perfused."""

    kind: str
    """infarct (an old one), haemorrhage or calcification."""
    centre: Point
    radius: float
    """[mm]"""
    hu: float

    @property
    def perfused(self) -> float:
        """Share of its CBV that it keeps."""
        return _PERFUSED[self.kind]

    def inside(self, anatomy: Anatomy, grid: Grid, ragged: Float[np.ndarray, "z y x"]) -> Bool[np.ndarray, "z y x"]:
        """Points within the spot, whose outline follows a field."""
        z, y, x = anatomy.head_axes(grid)
        cx, cy, cz = self.centre
        return np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / self.radius + 0.25 * ragged < 1


def draw_spots(random: np.random.Generator) -> list[Spot]:
    """Old infarcts in 18 % of patients, haemorrhages in 5 %, calcifications in 8 %; one or two of a kind."""
    spots = []
    for kind, share, radii, attenuations in _SPOTS:
        for _ in range(int(random.random() < share) * random.integers(1, 3)):
            x, y, z = random.uniform((8, -60, -10), (55, 65, 30))
            centre = (float(random.choice([-1, 1]) * x), y, z)
            spots.append(Spot(kind, centre, radius=random.uniform(*radii), hu=random.uniform(*attenuations)))
    return spots


@dataclass(frozen=True)
class Shape:
    """How fluid spaces and skull differ from those of `phantom.anatomy`."""

    wide_side: float
    """Side of the wider lateral ventricle."""
    ventricle: float
    """Its size; 0 if both are alike."""
    sulci: float
    """Above how many SDs of the folding field the cortex is fluid."""
    open_side: float
    """Side of a craniectomy; 0 without one."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Shape":
        """One wider ventricle in 25 % of patients, wide sulci in 40 %, a craniectomy in 3 %."""
        return cls(
            wide_side=float(random.choice([-1.0, 1.0])),
            ventricle=random.uniform(1.1, 1.9) if random.random() < 0.25 else 0.0,
            sulci=random.uniform(0.3, 1.5) if random.random() < 0.4 else np.inf,
            open_side=float(random.choice([-1.0, 1.0])) if random.random() < 0.03 else 0.0,
        )

    def apply(
        self, label: Int[np.ndarray, "z y x"], depth: Float[np.ndarray, "z y x"], anatomy: Anatomy, grid: Grid
    ) -> None:
        """Change compartments in place."""
        z, y, x = anatomy.head_axes(grid)
        if self.ventricle:
            for (cx, cy, cz), (a, b, c) in _LATERAL_VENTRICLE:
                distance = ((self.wide_side * x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2
                label[(distance < self.ventricle**2) & (depth > 2)] = Compartment.CSF
        if np.isfinite(self.sulci):
            wide = anatomy.folding.on(grid) > self.sulci
            label[wide & (depth < 14) & (label == Compartment.GREY)] = Compartment.CSF
        if self.open_side:
            removed = (self.open_side * x > 30) & (np.abs(y) < 50)
            label[removed & (label == Compartment.SKULL)] = Compartment.SCALP


def draw_streaks(
    random: np.random.Generator, y: Float[np.ndarray, " y"], x: Float[np.ndarray, " x"]
) -> Float32[np.ndarray, "y x"]:
    """Attenuation that metal adds to a slice [HU]: rays from a clip or coil; nothing in 96 % of patients."""
    if random.random() > 0.04:
        return np.zeros((y.size, x.size), np.float32)
    cy, cx = random.uniform(-40, 40, 2)
    angle, distance = np.arctan2(y[:, None] - cy, x - cx), np.hypot(y[:, None] - cy, x - cx)
    rays = sum(random.normal() * np.cos(k * angle + random.uniform(0, 2 * np.pi)) for k in range(2, 12))
    return (random.uniform(2, 12) * rays / (1 + distance / 15)).astype(np.float32)
