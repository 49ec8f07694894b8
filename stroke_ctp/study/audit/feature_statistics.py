"""Verify which patients each fold's feature standardization was fitted on: recompute it from the feature cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from torch import Tensor

from stroke_ctp.model.checkpoints import no_fit, read_weights
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.study.audit.findings import Compared, together
from stroke_ctp.study.audit.recorded_features import training_features
from stroke_ctp.study.members import Features
from stroke_ctp.study.run_folder import RunFolder

TOLERANCE = 1e-4
"""Largest difference of a channel's mean that rounding explains [standard deviations]. One test patient more among 173
training patients made a difference of 0.003 or more in some channel, in all folds of 217 simulated patients."""


@dataclass(frozen=True)
class FeatureStatistics:
    """Result of the comparison."""

    unknown: str = "the report does not know the training cohort"
    """Why something could not be compared; empty if everything could."""
    n_folds: int = 0
    """Number of checkpoints that were compared, if all were."""
    largest_difference: float = 0.0
    """Between a channel's mean in a checkpoint and that of the training patients' features [standard deviations]."""
    wrong: Sequence[str] = field(default_factory=list)
    """Folds whose statistics are not those of the recorded training patients, also beside others that are unknown."""


def compare_statistics(runs: Iterable[RunFolder], patients: Sequence[str]) -> FeatureStatistics:
    """Compare the mean of every channel in every checkpoint with that of the recorded training patients.

    Args:
        runs: Complete runs of all models.
        patients: Patients of the training cohort, in the order of the cached features.
    """
    networks = [run for run in runs if "feature_statistics" in run.record().fitted]
    if not networks:
        return FeatureStatistics("no network was trained")
    there = [run for run in networks if run.training.best.exists()]
    found = together(_compared(run, patients) for run in there)
    lost = len(networks) - len(there)
    unknown = [f"{lost} of {len(networks)} checkpoints are missing"] if lost else []
    unknown += dict.fromkeys(found.unchecked)
    if unknown:
        return FeatureStatistics("; ".join(unknown), wrong=found.wrong)
    return FeatureStatistics("", found.n, found.largest_difference, found.wrong)


def _compared(run: RunFolder, patients: Sequence[str]) -> Compared:
    record, kept = run.record(), _kept(run)
    whose = f"the feature statistics of {record.model}, fold {run.member}"
    if record.fitted["feature_statistics"] is None:
        wrong = [f"{whose} are in its checkpoint, but not in its record"] if kept else []
        return Compared(wrong=wrong, unchecked=["features are not standardized, so nothing was fitted"])
    features = training_features(run, len(patients))
    if features is None:
        return Compared(unchecked=["the features that the networks were trained on are not cached"])
    fitted, wrong = _standardization(run, kept), []
    if fitted.digest() != record.fitted["feature_statistics"]:
        wrong.append(f"{whose} changed after the training")
    mean, scale = fitted.mean.double().numpy(), fitted.scale.double().numpy()
    rows = {patient: row for row, patient in enumerate(patients)}
    trained = [rows[patient] for patient in record.patients.train if patient in rows]
    expected = _patient_means(features)[trained].mean(axis=0)
    difference = float(np.abs((expected - mean) / scale).max())
    if not difference <= TOLERANCE:  # NaN: none of its training patients is in the cohort
        wrong.append(
            f"{whose} are not those of its training patients (difference {difference:.1g} standard deviations)"
        )
    return Compared(1, difference, wrong)


def _kept(run: RunFolder) -> dict[str, Tensor]:
    """State of the feature standardization in a checkpoint; empty if features were not standardized."""
    prefix = "feature_standardization."
    state, _ = read_weights(run.training.best)
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _standardization(run: RunFolder, kept: dict[str, Tensor]) -> FeatureStandardization:
    fitted = FeatureStandardization()
    try:
        fitted.load_state_dict(kept)
    except RuntimeError as error:  # missing parts, other shapes
        raise no_fit(run.training.best, error) from None
    return fitted


def _patient_means(features: Features) -> Float[np.ndarray, "patient feature"]:
    """Mean of each channel over levels and frames."""
    return features.mean(axis=(1, 2), dtype=np.float64)
