"""The perfusion model: a network trained on simulated patients, and small heads that are fitted on each fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.cohort.patients import Patients
from stroke_ctp.common.errors import UserError
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.explanation import Explanation
from stroke_ctp.model.perfusion_explanation import explained
from stroke_ctp.model.perfusion_heads import Heads
from stroke_ctp.model.perfusion_measurements import measurements
from stroke_ctp.model.perfusion_weights import WAY_OUT, PerfusionWeights, read_weights
from stroke_ctp.model.protocol import Fold


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

    weights: str = "shipped"
    """shipped, or a file that `python -m stroke_ctp.pretrain` wrote."""
    name: str = "perfusion"

    def encoder_provenance(self) -> None:
        """No backbone is in use: the network's weights are part of `identity`, and of the record of each run."""

    def identity(self) -> dict[str, Any]:
        """SHA-256 of the network's weights."""
        return {"weights": read_weights(self.weights).provenance.sha256}

    def check(self) -> None:
        """Refuse weights that cannot be read."""
        read_weights(self.weights)

    def evidence(self, patients: Patients) -> Float[np.ndarray, "patient measurement"]:
        """Areas on the maps of patients; see `perfusion_measurements`."""
        return measurements(read_weights(self.weights), patients)

    def explain(self, patients: Patients, members: Sequence[FittedPerfusion]) -> Explanation | None:
        """The maps from which the areas are measured, the same for all members; None where no brain is found."""
        return explained(read_weights(self.weights), patients.series(0))

    def fit(self, fold: Fold, files: TrainingFiles, runs_to_come: int | None = 0) -> FittedPerfusion:
        """Fit the heads to the training patients; nothing is written, and no epoch is to be chosen."""
        weights, train = read_weights(self.weights), fold.split.train
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
        weights = read_weights(self.weights)
        if weights.provenance.sha256 != record["weights"]:
            raise UserError(
                f"{files.folder} was fitted with weights {record['weights'][:12]}…, but model.weights={self.weights} "
                f"are now {weights.provenance.sha256[:12]}…; train the fold again, or {WAY_OUT}"
            )
        return FittedPerfusion(weights, Heads.of(record["heads"]), record["areas"])
