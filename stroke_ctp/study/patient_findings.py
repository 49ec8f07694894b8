"""What is shown of a patient beside the answer: the model's explanation and the conventional maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stroke_ctp.cohort.new_patients import NewPatients
from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.level_analysis import LevelAnalysis, analyse_levels
from stroke_ctp.model.conventional_maps import conventional_core, conventional_overlays
from stroke_ctp.model.explanation import Explanation, Overlay
from stroke_ctp.study.predictor import Predictor

Mask = Bool[np.ndarray, "level height width"]


@dataclass(frozen=True)
class PatientFindings:
    """Maps of both levels."""

    explanation: Explanation | None
    """None for a model that has none."""
    conventional: LevelAnalysis | None
    """None where perfusion cannot be measured by deconvolution."""
    missing: str = ""
    """Why."""

    @classmethod
    def of(
        cls, predictor: Predictor, series: Float[np.ndarray, "level time height width"], members: Sequence[int]
    ) -> "PatientFindings":
        """Explain the answer of some members, and analyse the levels.

        Args:
            predictor: The members.
            series: Standard series [HU].
            members: Those that gave the answer.
        """
        explanation = predictor.explain(NewPatients.of(series), members)
        try:
            return cls(explanation, analyse_levels(series))
        except Excluded as finding:
            return cls(explanation, None, finding.reason)

    @property
    def own(self) -> tuple[Overlay, ...]:
        """The model's maps."""
        return () if self.explanation is None else self.explanation.overlays

    @property
    def others(self) -> tuple[Overlay, ...]:
        """The conventional maps."""
        return () if self.conventional is None else conventional_overlays(self.conventional)

    @property
    def lesion(self) -> tuple[Mask, Mask] | None:
        """Core and penumbra: the model's, or else the conventional ones; None without either."""
        own = self.explanation
        if own is not None and own.core is not None and own.penumbra is not None:
            return own.core, own.penumbra
        if self.conventional is None:
            return None
        core = conventional_core(self.conventional)
        return core, self.conventional.lesion.penumbra & ~core
