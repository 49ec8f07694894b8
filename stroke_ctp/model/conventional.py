"""Conventional perfusion analysis as a model: the core of a patient, scaled to a probability on the training folds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from joblib import cpu_count
from tqdm import tqdm

from stroke_ctp.cohort.patients import Patients
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.hemodynamics.core_area import core_area
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.conventional_scale import Scale
from stroke_ctp.model.protocol import Fold
from stroke_ctp.model.provenance import Tensors
from stroke_ctp.model.registry import WHOLE_SCAN


@dataclass(frozen=True)
class FittedConventional:
    """A conventional core whose scale is fitted on one fold."""

    name: str
    scale: Scale
    values: Mapping[str, float | None]
    """Measurement of every patient of the cohort it was fitted on; None where perfusion could not be measured."""

    def score(self, patients: Patients, rows: Int[np.ndarray, " row"] | None = None) -> Float[np.ndarray, " row"]:
        """Probability of a large core; see `protocol.FittedModel`."""
        return self.score_evidence(core_values(self.name, patients), rows)

    def score_evidence(
        self, evidence: Float[np.ndarray, " patient"], rows: Int[np.ndarray, " row"] | None = None
    ) -> Float[np.ndarray, " row"]:
        """The same from the patients' core values."""
        return self.scale.probability(evidence if rows is None else evidence[rows])

    def fitted_weights(self) -> Tensors:
        """None: the record holds the scale."""
        return {}

    def known_evidence(self, cohort: Cohort) -> Float[np.ndarray, " patient"]:
        """Measurements of the cohort that it was fitted on."""
        return np.array([self.values[patient] for patient in cohort.patients], float)

    def anonymous_record(self) -> dict[str, Any]:
        """The record without measurements."""
        return self.record() | {"values": {}}

    def record(self) -> dict[str, Any]:
        """Scale, measurements, and number of patients that could not be measured."""
        missing = sum(value is None for value in self.values.values())
        return {"scale": asdict(self.scale), "not_measurable": missing, "values": dict(self.values)}


@dataclass(frozen=True)
class ConventionalModel:
    """Area [cm²] or volume [mL] of the core by conventional perfusion analysis."""

    name: str
    """One of `settings.CONVENTIONAL_MODELS`."""

    def encoder_provenance(self) -> None:
        """No weights are in use."""

    def identity(self) -> dict[str, Any]:
        """Nothing but its name."""
        return {}

    def check(self, patients: Patients) -> None:
        """Refuse patients without volumes of whole scans, if the model needs those."""
        if self.name in WHOLE_SCAN:
            core_values(self.name, patients)

    def evidence(self, patients: Patients) -> Float[np.ndarray, " patient"]:
        """Core values of patients; see `core_values`."""
        return core_values(self.name, patients)

    def descriptors(self, evidence: Float[np.ndarray, " patient"]) -> Float[np.ndarray, "patient 1"]:
        """The core value."""
        return evidence[:, None]

    def carried_weights(self) -> None:
        """No weights are in use."""

    def fit(self, fold: Fold, files: TrainingFiles, runs_to_come: int | None = 0) -> FittedConventional:
        """Fit orientation and scale to the training folds; nothing is written."""
        values = core_values(self.name, fold.cohort)
        train = fold.split.train
        scale = Scale.fit(values[train], fold.labels[train])
        known = [float(value) if np.isfinite(value) else None for value in values]
        return FittedConventional(self.name, scale, dict(zip(fold.cohort.patients, known, strict=True)))

    def load(self, files: TrainingFiles, record: Mapping[str, Any]) -> FittedConventional:
        """A core whose scale was fitted before."""
        return self.restore(record, {})

    def restore(self, record: Mapping[str, Any], weights: Tensors) -> FittedConventional:
        """The same from memory."""
        return FittedConventional(self.name, Scale(**record["scale"]), record["values"])


def core_values(name: str, patients: Patients) -> Float[np.ndarray, " patient"]:
    """Area [cm²] or volume [mL] of every patient's core; NaN where it cannot be measured.

    Raises:
        UserError: The patients have no volumes of whole scans.
    """
    if name not in WHOLE_SCAN:
        return _areas(name, patients)
    values = patients.measurements(WHOLE_SCAN[name])
    if values is None:
        raise UserError(
            f"model={name} needs the column {WHOLE_SCAN[name]} in cohort.csv; "
            "add it with `python -m stroke_ctp.preprocess … volumes=true`"
        )
    return values


def core_value(name: str, patients: Patients, row: int) -> float:
    """The value of `core_values` for one patient, measured anew.

    Raises:
        UserError: The patients have no volumes of whole scans.
    """
    return float(core_values(name, patients)[row]) if name in WHOLE_SCAN else _area(row, name, patients)


_measured: dict[tuple[str, str], Float[np.ndarray, " patient"]] = {}
"""Areas of cohorts, by definition and cohort: all folds of a process share them."""


def _areas(definition: str, patients: Patients) -> Float[np.ndarray, " patient"]:
    if patients.hash is None:
        return np.array([_area(row, definition, patients) for row in range(len(patients))])
    key = definition, patients.hash
    if key not in _measured:
        area = partial(_area, definition=definition, patients=patients)
        results = parallel_map(area, range(len(patients)), cpu_count())
        _measured[key] = np.array(list(tqdm(results, f"core by {definition}", len(patients), unit="patient", ncols=79)))
    return _measured[key]


def _area(row: int, definition: str, patients: Patients) -> float:
    return core_area(patients.series(row), definition)
