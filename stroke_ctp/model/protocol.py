"""What every model offers: it is fitted on a fold, and then scores patients.

Scoring needs neither labels nor Lightning's trainer nor Hydra, so that new patients can be scored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.folds import Split, split
from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.provenance import CarriedWeights, Provenance, Tensors
from stroke_ctp.model.settings import TrainSettings


@dataclass(frozen=True)
class Fold:
    """One fold of a cohort."""

    cohort: Cohort
    labels: Int[np.ndarray, " patient"]
    """Class of each patient: 1 for a large core, 0 for a small one."""
    split: Split
    number: int
    n_folds: int

    @classmethod
    def of(cls, cohort: Cohort, endpoint: Endpoint, settings: TrainSettings) -> "Fold":
        """The fold that the settings name."""
        labels = endpoint.labels(cohort)
        return cls(cohort, labels, split(labels, settings.fold, settings.folds), settings.fold, settings.folds.n)


@runtime_checkable
class FittedModel(Protocol):
    """A model fitted on one fold."""

    def score(self, patients: Patients, rows: Int[np.ndarray, " row"] | None = None) -> Float[np.ndarray, " row"]:
        """Probability of a large core.

        Args:
            patients: A cohort, or new patients.
            rows: Which of them, in this order; None for all.
        """
        ...

    def score_evidence(self, evidence: Any, rows: Int[np.ndarray, " row"] | None = None) -> Float[np.ndarray, " row"]:
        """The same from what `Model.evidence` has computed, which the fits of all folds can share.

        Args:
            evidence: Of the patients.
            rows: Which of them, in this order; None for all.
        """
        ...

    def record(self) -> dict[str, Any]:
        """How the model was fitted, as plain values: what `Model.load` needs, and what an audit verifies."""
        ...

    def anonymous_record(self) -> dict[str, Any]:
        """The same without anything about single patients, for a file that leaves the house."""
        ...

    def fitted_weights(self) -> Tensors:
        """What was fitted and is not in the record; empty for most models."""
        ...

    def known_evidence(self, cohort: Cohort) -> Any | None:
        """`Model.evidence` of the training cohort as far as the fit has kept it; None if it would be made anew."""
        ...


@runtime_checkable
class PredictsVolume(Protocol):
    """A fitted model that also predicts core volumes."""

    def volumes(self, evidence: Any, rows: Int[np.ndarray, " row"] | None = None) -> Float[np.ndarray, "row 3"] | None:
        """Core volume, and lower and upper end of its 90 % interval [mL]; None if it was fitted without volumes.

        Args:
            evidence: Of the patients, from `Model.evidence`.
            rows: Which of them, in this order; None for all.
        """
        ...


@runtime_checkable
class Model(Protocol):
    """A way to predict the class of a patient's core."""

    @property
    def name(self) -> str:
        """Name of its folder in a study."""
        ...

    def encoder_provenance(self) -> Provenance | None:
        """Pretrained weights in use; None for a model without any.

        Raises:
            UserError: The weights cannot be read.
        """
        ...

    def identity(self) -> dict[str, Any]:
        """What distinguishes this model from others of the same name in a study, as plain values."""
        ...

    def check(self, patients: Patients) -> None:
        """Refuse what cannot be done, before anything is written.

        Args:
            patients: That the model is to be fitted on.

        Raises:
            UserError: Weights, a device, a package, or measurements of the patients are missing.
        """
        ...

    def evidence(self, patients: Patients) -> Any:
        """What the fits of all folds need of patients: features, or a measurement. It takes most of the time."""
        ...

    def descriptors(self, evidence: Any) -> Float[np.ndarray, "patient descriptor"] | None:
        """A few numbers that tell a patient like those of the training from another one, NaN where nothing is known.

        None if the fits of all folds share no evidence.
        """
        ...

    def carried_weights(self) -> CarriedWeights | None:
        """The frozen network that the fits of all folds share; None for a model without one."""
        ...

    def fit(self, fold: Fold, files: TrainingFiles, runs_to_come: int | None = 0) -> FittedModel:
        """Fit the model to the training patients of a fold, and choose its epoch on the validation patients.

        Args:
            fold: Patients and classes.
            files: Where a training keeps its checkpoints; a training that was interrupted continues from them.
            runs_to_come: Number of runs after this one, for the progress line; None if they run in other processes.
        """
        ...

    def load(self, files: TrainingFiles, record: Mapping[str, Any]) -> FittedModel:
        """A model that was fitted before.

        Args:
            files: Its checkpoints.
            record: From `FittedModel.record`.

        Raises:
            UserError: A file is missing or damaged.
        """
        ...

    def restore(self, record: Mapping[str, Any], weights: Tensors) -> FittedModel:
        """The same from memory.

        Args:
            record: From `FittedModel.record` or `FittedModel.anonymous_record`.
            weights: From `FittedModel.fitted_weights`.
        """
        ...
