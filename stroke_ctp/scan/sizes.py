"""How large a scan may be, asked before memory is taken for it."""

from collections.abc import Sequence
from math import prod

from stroke_ctp.common.errors import Excluded

MOST_VOXELS = 2**31
"""Of a scan: 8.6 GB in single precision. 320 slices of 512 × 512 pixels at 25 times, more than clinical protocols give,
have 2.1 × 10⁹. A small compressed file may declare, and even hold, far more."""


def require_size(shape: Sequence[int], name: str) -> None:
    """Require a scan that memory can hold.

    Args:
        shape: Voxels along each axis, as the header declares.
        name: File name, for the reason.

    Raises:
        Excluded: It has more than `MOST_VOXELS`.
    """
    if prod(shape) > MOST_VOXELS:
        raise Excluded(
            "reading",
            f"scan must have ≤ {MOST_VOXELS:.1e} voxels, got {'×'.join(map(str, shape))} ({name}); "
            "reconstruct thicker slices or fewer frames",
        )
