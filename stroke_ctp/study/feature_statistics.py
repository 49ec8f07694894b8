"""Verify which patients each fold's feature standardization was fitted on: recompute it from the feature cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.model.checkpoints import no_fit, read_weights
from stroke_ctp.model.feature_standardization import FeatureStandardization
from stroke_ctp.study.members import Features
from stroke_ctp.study.recorded_features import training_features
from stroke_ctp.study.run_folder import RunFolder

TOLERANCE = 1e-4
"""Largest difference of a channel's mean that rounding explains [standard deviations]. One test patient more among 173
training patients made a difference of 0.003 or more in some channel, in all folds of 217 simulated patients."""


@dataclass(frozen=True)
class FeatureStatistics:
    """Result of the comparison."""

    unknown: str = "the report does not know the training cohort"
    """Why nothing could be compared; empty if it could."""
    n_folds: int = 0
    """Number of checkpoints that were compared."""
    largest_difference: float = 0.0
    """Between a channel's mean in a checkpoint and that of the training patients' features [standard deviations]."""
    wrong: Sequence[str] = ()
    """Folds whose statistics are not those of the recorded training patients."""


def compare_statistics(runs: Iterable[RunFolder], patients: Sequence[str]) -> FeatureStatistics:
    """Compare the mean of every channel in every checkpoint with that of the recorded training patients.

    Args:
        runs: Complete runs of all models.
        patients: Patients of the training cohort, in the order of the cached features.
    """
    networks = [run for run in runs if "feature_statistics" in run.record().fitted]
    if not networks:
        return FeatureStatistics("no network was trained")
    lost = [run for run in networks if not run.training.best.exists()]
    if lost:
        return FeatureStatistics(f"{len(lost)} of {len(networks)} checkpoints are missing")
    rows = {patient: row for row, patient in enumerate(patients)}
    wrong, differences = [], []
    for run in networks:
        record = run.record()
        if record.fitted["feature_statistics"] is None:
            return FeatureStatistics("features are not standardized, so nothing was fitted")
        features = training_features(run, len(patients))
        if features is None:
            return FeatureStatistics("the features that the networks were trained on are not cached")
        fitted = _standardization(run)
        if fitted.digest() != record.fitted["feature_statistics"]:
            wrong.append(f"the feature statistics of {record.model}, fold {run.member} changed after the training")
        mean, scale = fitted.mean.double().numpy(), fitted.scale.double().numpy()
        trained = [rows[patient] for patient in record.patients.train]
        expected = _patient_means(features)[trained].mean(axis=0)
        differences.append(float(np.abs((expected - mean) / scale).max()))
        if differences[-1] > TOLERANCE:
            wrong.append(
                f"the feature statistics of {record.model}, fold {run.member} are not those of its training patients "
                f"(difference {differences[-1]:.1g} standard deviations)"
            )
    return FeatureStatistics("", len(networks), max(differences), wrong)


def _standardization(run: RunFolder) -> FeatureStandardization:
    """The feature statistics in a checkpoint."""
    prefix, fitted = "feature_standardization.", FeatureStandardization()
    state, _ = read_weights(run.training.best)
    own = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    try:
        fitted.load_state_dict(own)
    except RuntimeError as error:  # missing parts, other shapes
        raise no_fit(run.training.best, error) from None
    return fitted


def _patient_means(features: Features) -> Float[np.ndarray, "patient feature"]:
    """Mean of each channel over levels and frames."""
    return features.mean(axis=(1, 2), dtype=np.float64)
