"""Verify which patients each fold's feature standardization was fitted on: recompute it from the feature cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from stroke_ctp.model.checkpoints import read_checkpoint
from stroke_ctp.model.feature_cache import FeatureCache
from stroke_ctp.study.run_folder import RunFolder

TOLERANCE = 1e-4
"""Largest difference of a channel's mean that rounding explains [standard deviations]."""


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
    trained = [run for run in runs if run.training.best.exists()]
    if not trained:
        return FeatureStatistics("no checkpoint lies beside the predictions")
    rows = {patient: row for row, patient in enumerate(patients)}
    wrong, differences = [], []
    for run in trained:
        state, record = read_checkpoint(run.training.best)["state_dict"], run.record()
        if "feature_standardization.mean" not in state:
            return FeatureStatistics("features are not standardized, so nothing was fitted")
        name = record.fitted["feature_cache"]
        root = replace(run.settings(), outputs=run.path.parents[2]).cache
        means = _patient_means(root, name, len(patients)) if name else None
        if means is None:
            return FeatureStatistics("the features that the networks were trained on are not cached")
        mean, scale = (state[f"feature_standardization.{part}"].double().numpy() for part in ("mean", "scale"))
        expected = means[[rows[patient] for patient in record.patients.train]].mean(axis=0)
        differences.append(float(np.abs((expected - mean) / scale).max()))
        if differences[-1] > TOLERANCE:
            wrong.append(
                f"the feature statistics of {record.model}, fold {record.fold} are not those of its training patients "
                f"(difference {differences[-1]:.1g} standard deviations)"
            )
    return FeatureStatistics("", len(trained), max(differences), wrong)


@cache
def _patient_means(root: Path, name: str, n_patients: int) -> Float[np.ndarray, "patient feature"] | None:
    """Mean of each channel over levels and frames of the unaugmented draw; None if the cache is gone."""
    found = FeatureCache.recorded(root, name, n_patients)
    return None if found is None else found.read(0).mean(axis=(1, 2), dtype=np.float64)
