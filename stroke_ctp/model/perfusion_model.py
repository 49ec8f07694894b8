"""The perfusion model: a network trained on simulated patients, and small heads that are fitted on each fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.explanation import Explanation
from stroke_ctp.model.perfusion_heads import Heads
from stroke_ctp.model.perfusion_measurements import MEASUREMENTS, measurements
from stroke_ctp.model.perfusion_weights import WAY_OUT, PerfusionWeights, read_weights
from stroke_ctp.model.protocol import Fold
from stroke_ctp.model.provenance import CarriedWeights


@dataclass(frozen=True)
class FittedPerfusion:
    """A perfusion network whose heads are fitted on one fold."""

    weights: PerfusionWeights
    heads: Heads
    areas: Mapping[str, Sequence[float] | None]
    """`MEASUREMENTS` of every patient of the cohort [cm²]; None where no brain was found."""

    def score(self, patients: Patients, rows: Int[np.ndarray, " row"] | None = None) -> Float[np.ndarray, " row"]:
        """Probability of a large core; see `protocol.FittedModel`."""
        return self.score_evidence(measurements(self.weights, patients), rows)

    def score_evidence(
        self, evidence: Float[np.ndarray, "patient measurement"], rows: Int[np.ndarray, " row"] | None = None
    ) -> Float[np.ndarray, " row"]:
        """The same from the areas on the patients' maps."""
        return self.heads.probability(evidence if rows is None else evidence[rows])

    def volumes(
        self, evidence: Float[np.ndarray, "patient measurement"], rows: Int[np.ndarray, " row"] | None = None
    ) -> Float[np.ndarray, "row 3"] | None:
        """Predicted core volumes; see `protocol.PredictsVolume`."""
        return self.heads.volumes(evidence if rows is None else evidence[rows])

    def fitted_weights(self) -> dict[str, Tensor]:
        """None: the record holds the heads."""
        return {}

    def known_evidence(self, cohort: Cohort) -> Float[np.ndarray, "patient measurement"]:
        """Areas of the cohort that it was fitted on."""
        missing = [np.nan] * len(MEASUREMENTS)
        return np.array([self.areas[patient] or missing for patient in cohort.patients], float)

    def anonymous_record(self) -> dict[str, Any]:
        """The record without areas."""
        return self.record() | {"areas": {}}

    def record(self) -> dict[str, Any]:
        """Weights of the network, heads, and what they were fitted on: an audit fits them again."""
        return {
            "weights": self.weights.provenance.sha256,
            "heads": self.heads.record(),
            "areas": dict(self.areas),
            "not_measurable": sum(areas is None for areas in self.areas.values()),
        }


@dataclass(frozen=True)
class PerfusionModel:
    """The perfusion network, frozen, and heads on the areas of its maps."""

    weights: str | CarriedWeights = "shipped"
    """shipped, a file that `python -m stroke_ctp.pretrain` wrote, or weights in memory."""
    name: str = "perfusion"

    def encoder_provenance(self) -> None:
        """No backbone is in use: the network's weights are part of `identity`, and of the record of each run."""

    def identity(self) -> dict[str, Any]:
        """SHA-256 of the network's weights."""
        return {"weights": self._loaded.provenance.sha256}

    def check(self, patients: Patients) -> None:
        """Refuse weights that cannot be read."""
        _ = self._loaded

    def evidence(self, patients: Patients) -> Float[np.ndarray, "patient measurement"]:
        """Areas on the maps of patients; see `perfusion_measurements`."""
        return measurements(self._loaded, patients)

    def descriptors(
        self, evidence: Float[np.ndarray, "patient measurement"]
    ) -> Float[np.ndarray, "patient descriptor"]:
        """Logarithms of the areas, as the heads take them."""
        return np.log1p(evidence)

    def carried_weights(self) -> CarriedWeights:
        """The perfusion network."""
        return self._loaded.carried()

    def explain(self, patients: Patients, members: Sequence[FittedPerfusion]) -> Explanation | None:
        """The maps from which the areas are measured, the same for all members; None where no brain is found."""
        from stroke_ctp.model.perfusion_explanation import explained

        return explained(self._loaded, patients.series(0))

    def fit(self, fold: Fold, files: TrainingFiles, runs_to_come: int | None = 0) -> FittedPerfusion:
        """Fit the heads to the training patients; nothing is written, and no epoch is to be chosen."""
        weights, train = self._loaded, fold.split.train
        areas, core_ml = measurements(weights, fold.cohort), fold.cohort.measurements("core_ml")
        known = None if core_ml is None or np.isnan(core_ml[train]).any() else core_ml[train]
        heads = Heads.fit(areas[train], fold.labels[train], known)
        found = np.isfinite(areas).all(axis=1)
        values = [row.tolist() if there else None for row, there in zip(areas, found, strict=True)]
        return FittedPerfusion(weights, heads, dict(zip(fold.cohort.patients, values, strict=True)))

    def load(self, files: TrainingFiles, record: Mapping[str, Any]) -> FittedPerfusion:
        """Heads that were fitted before.

        Raises:
            UserError: The network's weights are no longer those of the training.
        """
        weights = self._loaded
        if weights.provenance.sha256 != record["weights"]:
            raise UserError(
                f"{files.folder} was fitted with weights {record['weights'][:12]}…, but model.weights={self.weights} "
                f"are now {weights.provenance.sha256[:12]}…; train the fold again, or {WAY_OUT}"
            )
        return self.restore(record, {})

    def restore(self, record: Mapping[str, Any], weights: Mapping[str, Tensor]) -> FittedPerfusion:
        """The same from memory."""
        return FittedPerfusion(self._loaded, Heads.of(record["heads"]), record["areas"])

    @cached_property
    def _loaded(self) -> PerfusionWeights:
        return (
            PerfusionWeights.of(self.weights)
            if isinstance(self.weights, CarriedWeights)
            else read_weights(self.weights)
        )
