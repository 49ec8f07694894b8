"""Core, late and penumbral tissue from perfusion maps."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import label

from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, CORE_RCBF, DEFINITIONS, HYPOPERFUSED_TMAX, TMAX_LEVELS
from stroke_ctp.hemodynamics.maps import Maps

VESSEL_CBV = 8.0
"""Voxels with a CBV above this hold a large vessel [mL/100 mL] (Kudo et al., AJNR 2003: 8 mL/100 g).

Before CBV has a scale, vessels are found by multiples of tissue's median: `cbv_reference.VESSEL` keeps them out of the
smoothing and the scale. `tissue_mask` looks at single pixels with more noise and takes a higher multiple, since what it
leaves out has no perfusion."""
LEAST_ISLAND_CM2 = 1.0
"""Smaller components of a slice count as noise."""


@dataclass(frozen=True)
class Lesion:
    """Core and late tissue in one hemisphere, without large vessels."""

    core: dict[str, Bool[np.ndarray, "slice height width"]]
    """By each of `DEFINITIONS`."""
    late: dict[float, Bool[np.ndarray, "slice height width"]]
    """Tmax above each of `TMAX_LEVELS`."""

    @property
    def hypoperfused(self) -> Bool[np.ndarray, "slice height width"]:
        """Tmax above 6 s."""
        return self.late[HYPOPERFUSED_TMAX]

    @property
    def penumbra(self) -> Bool[np.ndarray, "slice height width"]:
        """Hypoperfused tissue outside any core."""
        return self.hypoperfused & ~np.logical_or.reduce(list(self.core.values()))


def segment_lesion(maps: Maps, pixel_mm: tuple[float, float]) -> Lesion:
    """Threshold the maps in the affected hemisphere.

    An occlusion is on one side; low values on the other side are white matter and noise.

    Args:
        maps: Of one scan.
        pixel_mm: Distance between rows and columns [mm].
    """
    tissue = maps.affected & ~vessels(maps)
    late = {level: remove_small_components(tissue & (maps.tmax > level), pixel_mm) for level in TMAX_LEVELS}
    return Lesion(core_masks(maps, tissue, pixel_mm), late)


def core_masks(
    maps: Maps, tissue: Bool[np.ndarray, "slice height width"], pixel_mm: tuple[float, float], scale: float = 1.0
) -> dict[str, Bool[np.ndarray, "slice height width"]]:
    """Tissue that meets each of `DEFINITIONS`.

    Args:
        maps: Of one scan.
        tissue: Where to look.
        pixel_mm: Distance between rows and columns [mm].
        scale: Factor of both thresholds.
    """
    low = {
        "cbv": maps.cbv < scale * CORE_CBV,
        "rcbf": maps.cbf < scale * CORE_RCBF * np.median(maps.cbf[maps.healthy]),
    }
    return {name: remove_small_components(tissue & low[name], pixel_mm) for name in DEFINITIONS}


def vessels(maps: Maps) -> Bool[np.ndarray, "slice height width"]:
    """Voxels of large vessels, whose curves are not those of tissue."""
    return maps.cbv > VESSEL_CBV


def remove_small_components(
    mask: Bool[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> Bool[np.ndarray, "slice height width"]:
    """Remove small components of each slice; slices lie too far apart for components in space.

    Args:
        mask: Voxels of a lesion.
        pixel_mm: Distance between rows and columns [mm].
    """
    pixel_cm2 = pixel_mm[0] * pixel_mm[1] / 100
    kept = np.zeros_like(mask)
    for index, level in enumerate(mask):
        pieces, _ = label(level)
        large = np.bincount(pieces.ravel()) * pixel_cm2 >= LEAST_ISLAND_CM2
        large[0] = False  # the background
        kept[index] = large[pieces]
    return kept
