"""Core and penumbra from perfusion maps, and their volumes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import label

from stroke_ctp.hemodynamics.maps import HYPOPERFUSED_TMAX, Maps

CORE_CBV = 1.2
"""Core has a CBV below this [mL/100 mL]: syngo Neuro Perfusion CT, the article's software."""
CORE_RCBF = 0.3
"""Core has a CBF below this share of the other hemisphere's median: common in trials."""
LEAST_ISLAND_CM2 = 1.0
"""Smaller components of a slice count as noise."""
DEFINITIONS = {
    "cbv": f"CBV<{CORE_CBV:g} mL/100 mL",
    "rcbf": f"CBF<{CORE_RCBF:.0%} of the other hemisphere",
}
"""Definitions of the core."""
MEASURED = {name: f"{definition}, measured on the scan by stroke_ctp" for name, definition in DEFINITIONS.items()}
"""The column `label_definition` of patients whose core this package measured."""


@dataclass(frozen=True)
class Lesion:
    """Core and hypoperfused tissue in one hemisphere."""

    core: dict[str, Bool[np.ndarray, "slice height width"]]
    """By each of `DEFINITIONS`."""
    hypoperfused: Bool[np.ndarray, "slice height width"]
    """Tmax above 6 s."""

    @property
    def penumbra(self) -> Bool[np.ndarray, "slice height width"]:
        """Hypoperfused tissue outside any core."""
        return self.hypoperfused & ~np.logical_or.reduce(list(self.core.values()))

    def volumes(self, spacing: tuple[float, float, float]) -> dict[str, float | None]:
        """Volumes [mL], and mismatch ratios: hypoperfused tissue over core, None where there is no core.

        Args:
            spacing: Distance between slices, rows and columns [mm].
        """
        voxel_ml = float(np.prod(spacing)) / 1000
        core = {name: int(mask.sum()) * voxel_ml for name, mask in self.core.items()}
        hypoperfused = int(self.hypoperfused.sum()) * voxel_ml
        return {
            **{f"core_{name}_ml": round(volume, 3) for name, volume in core.items()},
            "hypoperfused_ml": round(hypoperfused, 3),
            "penumbra_ml": round(int(self.penumbra.sum()) * voxel_ml, 3),
            **{f"mismatch_{name}": round(hypoperfused / ml, 3) if ml else None for name, ml in core.items()},
        }


def segment_lesion(maps: Maps, pixel_mm: tuple[float, float]) -> Lesion:
    """Threshold the maps in the affected hemisphere.

    An occlusion is on one side; low values on the other side are white matter and noise.

    Args:
        maps: Of one scan.
        pixel_mm: Distance between rows and columns [mm].
    """
    healthy_cbf = np.median(maps.cbf[maps.healthy])
    low = {"cbv": maps.cbv < CORE_CBV, "rcbf": maps.cbf < CORE_RCBF * healthy_cbf}
    return Lesion(
        core={name: remove_small_components(maps.affected & low[name], pixel_mm) for name in DEFINITIONS},
        hypoperfused=remove_small_components(maps.affected & (maps.tmax > HYPOPERFUSED_TMAX), pixel_mm),
    )


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
