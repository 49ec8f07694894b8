"""Patients in memory who are to be scored and belong to no cohort."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16


@dataclass(frozen=True)
class NewPatients:
    """Standard series without labels. Features of them are not cached.

    Example:
        >>> from stroke_ctp import NewPatients, read_manifest, standard_series
        >>> series = standard_series(read_manifest("manifest.csv")[0])
        >>> len(NewPatients.of(series.hu))
        1
    """

    hu: Float16[np.ndarray, "patient level time height width"]
    """[HU], in half precision as in a cohort, so that a patient scores the same in and outside of one."""
    hash: None = None

    @classmethod
    def of(cls, *series: np.ndarray) -> "NewPatients":
        """Patients from their standard series [HU], each `[level, time, height, width]`."""
        return cls(np.stack(series).astype(np.float16))

    def __len__(self) -> int:
        return len(self.hu)

    def series(self, index: int) -> Float16[np.ndarray, "level time height width"]:
        """Standard series of one patient [HU]."""
        return self.hu[index]

    def measurements(self, name: str) -> None:
        """None: nothing was measured before."""
