"""Curves of the bolus in a standard series."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.geometry import N_BASELINE
from stroke_ctp.common.masks import soft_tissue_mask

_N_ARTERIAL = 12
"""Pixels that are averaged to the arterial curve."""


def bolus_curves(
    series: Float[np.ndarray, "2 32 height width"],
) -> tuple[Float[np.ndarray, " 32"], Float[np.ndarray, " 32"]]:
    """Enhancement of the pixels that rise most before the tissue's peak, and mean enhancement of the tissue [HU]."""
    baseline = series[:, :N_BASELINE].mean(axis=1)
    rise = series - baseline[:, None]
    tissue = tissue_curve(series)
    until = max(N_BASELINE + 1, int(tissue.argmax()) + 1)
    inside = np.stack([soft_tissue_mask(b) for b in baseline])
    early = np.where(inside, gaussian_filter(rise[:, :until], (0, 1.0, 0, 0)).max(axis=1), -np.inf)
    chosen = np.unravel_index(np.argsort(early, axis=None)[-_N_ARTERIAL:], early.shape)
    return rise[chosen[0], :, chosen[1], chosen[2]].mean(axis=0), tissue


def tissue_curve(series: Float[np.ndarray, "level time height width"]) -> Float[np.ndarray, " time"]:
    """Mean enhancement of the tissue in levels, or in a part of them [HU]."""
    baseline = series[:, :N_BASELINE].mean(axis=1)
    rises = series - baseline[:, None]
    return np.mean([mean_curve(r, soft_tissue_mask(b)) for r, b in zip(rises, baseline, strict=True)], axis=0)


def mean_curve(
    rise: Float[np.ndarray, "time height width"], mask: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, " time"]:
    """Mean over a mask; 0 if it is empty."""
    return rise[:, mask].mean(axis=1) if mask.any() else np.zeros(len(rise))
