"""A raw CT perfusion scan in memory."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Placement:
    """Where a volume lies in the patient, in DICOM's LPS axes."""

    origin: Float[np.ndarray, "3"]
    """Centre of its first voxel: most inferior slice, first row, first column [mm]."""
    direction: Float[np.ndarray, "3 3"]
    """Columns: unit vectors along which column, row and slice indices grow."""


@dataclass(frozen=True)
class CTPScan:
    """One raw CT perfusion acquisition in patient axes.

    Rows run from anterior to posterior, columns from the patient's right to left, slices from inferior
    to superior (DICOM's LPS axes), in whatever order the file stores them.

    Example:
        >>> import numpy as np
        >>> from stroke_ctp import CTPScan
        >>> scan = CTPScan.simultaneous(np.zeros((10, 4, 64, 64)), 1.5 * np.arange(10), spacing=(5.0, 3.0, 3.0))
        >>> scan.positions  # of the slices [mm]
        array([ 0.,  5., 10., 15.])
    """

    hu: Float[np.ndarray, "time slice height width"]
    """Attenuation [HU]; frames that were not acquired are interpolated in time from the same slice."""
    times: Float[np.ndarray, "time slice"]
    """Acquisition time of each frame of each slice, the earliest at 0 [s]; NaN for frames that were not acquired."""
    spacing: tuple[float, float, float]
    """Distance between slices, rows and columns [mm]."""
    first_slice_mm: float = 0.0
    """Position of the most inferior slice along the slices' normal [mm]."""
    superior_first: bool = False
    """Whether the file counts slices from superior to inferior. Manifests use the indices of the file."""
    oriented: bool = True
    """Whether the file states the patient's orientation; otherwise the axes above are assumed."""
    placement: Placement | None = None
    """Position and orientation in the patient, for DICOM; None for NIfTI, where `write_like` copies the header."""

    @classmethod
    def simultaneous(
        cls,
        hu: Float[np.ndarray, "time slice height width"],
        times: Float[np.ndarray, " time"],
        spacing: tuple[float, float, float],
        first_slice_mm: float = 0.0,
        superior_first: bool = False,
    ) -> "CTPScan":
        """A scan with the same acquisition times for all slices [s]."""
        return cls(hu, np.repeat(times[:, None], hu.shape[1], axis=1), spacing, first_slice_mm, superior_first)

    @property
    def positions(self) -> Float[np.ndarray, " slice"]:
        """Positions of the slices along their normal, from inferior to superior [mm]."""
        return self.first_slice_mm + self.spacing[0] * np.arange(self.hu.shape[1])

    def slice_index(self, file_index: int) -> int:
        """Convert a slice index of the file to the index in `hu`, or the other way round."""
        return self.hu.shape[1] - 1 - file_index if self.superior_first else file_index
