"""The CBV of healthy brain, by which the arterial curve is corrected for partial volume."""

import numpy as np
from jaxtyping import Float, Float32

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.kinetics import per_100_ml

GREY_CBV = per_100_ml(3.3)
"""Of healthy grey matter [mL/100 mL]: CT perfusion, Riordan et al. (Med Phys 2011), as in the digital phantom of
Manhart et al. (IEEE TMI 2013). Other methods give higher values at a similar ratio to white matter: PET 5.2 and 2.7
mL/100 mL (Leenders et al., Brain 1990), MR 8.0 and 4.2 mL/100 g (Rempp et al., Radiology 1994); these four are quoted
at second hand and used nowhere."""
WHITE_CBV = per_100_ml(1.9)
"""Of healthy white matter [mL/100 mL], likewise."""
VESSEL = 3.0
"""Voxels with more than this many times tissue's median are vessels: 8 mL/100 mL, of half grey and half white matter
(Kudo et al., AJNR 2003)."""
_USUAL_SHARE, _PRIOR = 0.5, 0.1
"""A slab of brain is half grey matter; that counts as much as so many voxels for each that is measured (assumed)."""
_SEPARATE = (0.1, 0.9)
"""Shares outside these are those of one tissue, whose noise is shared out among two."""
_BINS = 150
_STEPS = 150
"""Of the iteration; it changes the share by less than 0.01 after a hundred."""


def reference_cbv(grey_share: float) -> float:
    """Mean CBV of healthy brain of which that share is grey matter [mL/100 mL]."""
    return grey_share * GREY_CBV + (1 - grey_share) * WHITE_CBV


def scale_to_healthy(cbv: Float32[np.ndarray, " voxel"]) -> tuple[float, float]:
    """Factor by which CBV of healthy brain is too high, and the share of grey matter.

    The share is that of a mixture of two normal distributions of one width, whose means have the ratio of the
    published values, fitted by expectation maximization. If it finds one tissue only, the share is a half.

    Args:
        cbv: Of healthy brain on an unknown scale, at least half of it above 0; smoothed little, so that the cortex
            stands out.

    Returns:
        CBV over that of healthy brain; share of grey matter.

    Raises:
        Excluded: Half of the brain has no CBV.
    """
    median = float(np.median(cbv))
    if not median > 0:
        raise Excluded(
            "perfusion",
            f"CBV of half the healthy hemisphere must be above 0, got a median of {median:.2f} mL/100 mL on the "
            "artery's scale: too little contrast for this noise; leave it out",
        )
    # As much is left out on both sides: noise alone would otherwise raise the mean.
    tissue = cbv[np.abs(cbv - median) < (VESSEL - 1) * median]
    mean = float(tissue.mean(dtype=np.float64))
    counts, edges = np.histogram(tissue / mean, _BINS)
    fits = [_mixture(counts / counts.sum(), (edges[1:] + edges[:-1]) / 2, share) for share in (0.2, 0.5, 0.8)]
    share, _ = max(fits, key=lambda fit: fit[1])
    if not _SEPARATE[0] < share < _SEPARATE[1]:
        share = _USUAL_SHARE
    return mean / reference_cbv(share), share


def _mixture(weight: Float[np.ndarray, " bin"], value: Float[np.ndarray, " bin"], share: float) -> tuple[float, float]:
    """Share of grey matter in a histogram, and its log posterior, from a first guess of the share."""
    tissues = np.array([[WHITE_CBV], [GREY_CBV]])
    shares = np.array([[1 - share], [share]])
    scale, width = 1 / reference_cbv(share), 0.25
    for _ in range(_STEPS):
        density = shares / width * np.exp(-((value - scale * tissues) ** 2) / (2 * width**2))
        total = np.maximum(density.sum(axis=0), np.finfo(float).tiny)
        of_tissue = weight * density / total
        usual = np.array([[1 - _USUAL_SHARE], [_USUAL_SHARE]])
        shares = (of_tissue.sum(axis=1, keepdims=True) + _PRIOR * usual) / (1 + _PRIOR)
        scale = float((of_tissue * value * tissues).sum() / (of_tissue * tissues**2).sum())
        width = float(np.sqrt((of_tissue * (value - scale * tissues) ** 2).sum()))
    posterior = weight @ np.log(total) + _PRIOR * float((usual * np.log(shares)).sum())
    return float(shares[1, 0]), float(posterior)
