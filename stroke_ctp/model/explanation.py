"""What a model shows of a patient beside its answer: maps over the slices, and what each frame contributed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.cohort.patients import Patients


@dataclass(frozen=True)
class Overlay:
    """A map to be laid over both levels."""

    name: str
    """In names of files: letters and underscores."""
    title: str
    unit: str
    """Empty for a probability."""
    values: Float[np.ndarray, "level height width"]
    """NaN where there are none."""
    window: tuple[float, float]
    """Values of the first and of the last colour; zero is in the middle of a map of signed values."""
    ends: tuple[str, str] | None = None
    """What the first and the last colour mean, where that is not a number."""
    fades: bool = False
    """Whether values near zero are transparent, so that the slice is seen."""


@dataclass(frozen=True)
class Explanation:
    """How a model came to its answer for one patient."""

    text: str
    """What the maps are and how they are to be read."""
    overlays: tuple[Overlay, ...]
    """The most telling one first."""
    contributions: Float[np.ndarray, "level time"] | None = None
    """Of each frame to the logarithm of the odds of a large core; None for a model that does not weigh frames."""
    core: Bool[np.ndarray, "level height width"] | None = None
    """Where the model sees core; None for a model that does not locate it."""
    penumbra: Bool[np.ndarray, "level height width"] | None = None
    """Hypoperfused tissue outside the core, likewise."""


@runtime_checkable
class Explains(Protocol):
    """A model that shows how its members came to their answer."""

    def explain(self, patients: Patients, members: Sequence[Any]) -> Explanation | None:
        """Explain the answer for the first patient.

        Args:
            patients: One patient.
            members: The fits that scored it.

        Returns:
            The explanation; None where the model as configured, or this patient, has none.
        """
        ...
