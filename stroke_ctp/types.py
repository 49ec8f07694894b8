"""The value types that the subpackages share."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEVELS = ("basal_ganglia", "supraganglionic")
"""The two ASPECTS levels, in the order in which a series holds them."""


@dataclass(frozen=True)
class CTPScan:
    """One raw CT perfusion acquisition in patient axes.

    Rows run from anterior to posterior, columns from the patient's right to left, slices from inferior
    to superior (DICOM's LPS axes), whatever the order on disk.
    """

    hu: Float[np.ndarray, "time slice height width"]
    """Attenuation [HU]."""
    times: Float[np.ndarray, " time"]
    """Acquisition time of each frame, the first at 0 [s]."""
    spacing: tuple[float, float, float]
    """Distance between slices, rows and columns [mm]."""
    superior_first: bool = False
    """Whether the file counts slices from superior to inferior: indices of a person are those of the file."""

    def slice_index(self, file_index: int) -> int:
        """Position in `hu` of the slice that the file counts as `file_index`."""
        return self.hu.shape[1] - 1 - file_index if self.superior_first else file_index
