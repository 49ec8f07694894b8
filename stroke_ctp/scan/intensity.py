"""Check of the intensity scale: Hounsfield units of a head."""

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.errors import Excluded

_TISSUE_HU = (-100, 200)
"""Range of brain, cerebrospinal fluid and blood with a margin for noise; values without intercept lie outside."""

_LEAST_RANGE_HU = 50
"""Least difference between highest and lowest value of a head, even if clipped to a brain window."""


def check_intensity(hu: Float[np.ndarray, "time height width"], name: str) -> None:
    """Require frames that look like a head in Hounsfield units.

    Args:
        hu: Frames of one level [HU].
        name: File name, for the reason.

    Raises:
        Excluded: Values are constant or on another scale.
    """
    low, high = float(hu.min()), float(hu.max())
    if high - low < _LEAST_RANGE_HU:
        raise Excluded(
            "intensity",
            f"values must differ by ≥ {_LEAST_RANGE_HU} HU, got {low + 0.0:g} to {high + 0.0:g} (scan {name}); "
            "check the file's slope and intercept",
        )
    height, width = hu.shape[1:]
    # a quarter of the image in each direction: mostly brain even in the largest field of view, 500 mm
    middle = hu[0, height * 3 // 8 : -(height * 3 // 8), width * 3 // 8 : -(width * 3 // 8)]
    if not _TISSUE_HU[0] < np.median(middle) < _TISSUE_HU[1]:
        raise Excluded(
            "intensity",
            f"the middle of the head must measure {_TISSUE_HU[0]} to {_TISSUE_HU[1]} HU, "
            f"got {np.median(middle):g} (scan {name}); check the file's slope and intercept",
        )
