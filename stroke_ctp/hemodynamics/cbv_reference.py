"""The CBV of healthy brain, by which the arterial curve is corrected for partial volume."""

import numpy as np
from jaxtyping import Float32

from stroke_ctp.hemodynamics.kinetics import per_100_ml

GREY_CBV = per_100_ml(3.3)
"""Of healthy grey matter [mL/100 mL]: CT perfusion, Riordan et al. (Med Phys 2011), as in the digital phantom of
Manhart et al. (IEEE TMI 2013). Other methods give higher values at a similar ratio to white matter: PET 5.2 and 2.7
mL/100 mL (Leenders et al., Brain 1990), MR 8.0 and 4.2 mL/100 g (Rempp et al., Radiology 1994)."""
WHITE_CBV = per_100_ml(1.9)
"""Of healthy white matter [mL/100 mL], likewise."""
_SHARES = np.arange(0.15, 0.855, 0.01)
"""Shares of grey matter that a slab of brain can have."""
_VESSEL = 3.0
"""Voxels of more than this many times the median are vessels: 8 mL/100 mL, of half grey and half white matter (Kudo et
al., AJNR 2003)."""


def reference_cbv(grey_share: float) -> float:
    """Mean CBV of healthy brain of which that share is grey matter [mL/100 mL]."""
    return grey_share * GREY_CBV + (1 - grey_share) * WHITE_CBV


def scale_to_healthy(cbv: Float32[np.ndarray, " voxel"]) -> tuple[float, float]:
    """Factor by which CBV of healthy brain is too high, and the share of grey matter.

    Grey matter is that share of the voxels that has the most CBV. The share is the one for which both tissues lie, by
    least squares, closest to their published values once the mean is as published for that share. Where one value
    fits better than two, nothing tells both tissues apart, and the share is a half.

    Args:
        cbv: Of healthy brain on an unknown scale, not all 0.

    Returns:
        CBV over that of healthy brain; share of grey matter.
    """
    ordered = np.sort(cbv[cbv < _VESSEL * np.median(cbv)]).astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    n_white = np.round((1 - _SHARES) * ordered.size).astype(int)
    share = 1 - n_white / ordered.size
    scale = sums[-1] / ordered.size / (share * GREY_CBV + (1 - share) * WHITE_CBV)
    white, grey = scale * WHITE_CBV, scale * GREY_CBV
    # Sum of squares about both values, without the squares of the voxels, which are the same for all shares.
    squares = n_white * white**2 + (ordered.size - n_white) * grey**2
    squares -= 2 * (white * sums[n_white] + grey * (sums[-1] - sums[n_white]))
    best = int(squares.argmin())
    if squares[best] > -(sums[-1] ** 2) / ordered.size:
        best = int(np.abs(share - 0.5).argmin())
    return float(scale[best]), float(share[best])
