"""What a model needs of the patients that it scores."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


@runtime_checkable
class Patients(Protocol):
    """Patients to be scored: a `Cohort`, or one new patient in memory. Labels are not needed."""

    @property
    def hash(self) -> str | None:
        """Identifies the patients and their series; None for patients whose features are not to be cached."""
        ...

    def __len__(self) -> int: ...

    def series(self, index: int) -> Float[np.ndarray, "level time height width"]:
        """Standard series of one patient [HU]."""
        ...

    def measurements(self, name: str) -> Float[np.ndarray, " patient"] | None:
        """A number per patient that was measured before, NaN where that failed; None if there is no such column."""
        ...
