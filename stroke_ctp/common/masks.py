"""Masks that several subpackages use."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import label

_SOFT_TISSUE_HU = (10.0, 70.0)


def largest_component(mask: Bool[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
    """The largest connected component of a mask; an empty mask stays empty.

    Example:
        >>> largest_component(np.array([True, False, True, True])).tolist()
        [False, False, True, True]
    """
    labels, n_components = label(mask)
    if n_components == 0:
        return mask
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])


def soft_tissue_mask(baseline: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels of soft tissue by attenuation alone: the brain, and the thin scalp.

    Args:
        baseline: Mean of the pre-contrast frames [HU].
    """
    return (baseline > _SOFT_TISSUE_HU[0]) & (baseline < _SOFT_TISSUE_HU[1])
