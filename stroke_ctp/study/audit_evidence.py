"""What the leakage audit examines beyond predictions and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class CohortFacts:
    """A cohort as preprocessing left it."""

    unknown: str = "the report was not given the cohort's folder"
    """Why nothing is known about the cohort; empty if it was found."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """Numbers of patients at each stage of inclusion, as in `cohort.json`."""
    patients: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Content of `cohort.csv`."""
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Content of `excluded.csv`."""
    series: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every patient's series."""


@dataclass(frozen=True)
class FeatureStatistics:
    """Which patients each fold's feature standardization was fitted on."""

    unknown: str = "the report was not given the features"
    """Why this could not be verified; empty if it could."""
    n_folds: int = 0
    """Number of checkpoints that were examined, over all networks."""
    largest_difference: float = 0.0
    """Largest difference between a channel's mean in a checkpoint and in the training patients' features [SD]."""
    wrong: Sequence[str] = ()
    """One sentence for each fold that was fitted on other patients than its training patients."""


@dataclass(frozen=True)
class AuditEvidence:
    """Cohorts and feature statistics of a study, as far as they are known."""

    training: CohortFacts = CohortFacts()
    external: CohortFacts = CohortFacts()
    statistics: FeatureStatistics = FeatureStatistics()
