"""What a report tells beyond predictions: cohorts, configuration, network; each as far as it is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from stroke_ctp.reporting.figures.network import Architecture


@dataclass(frozen=True)
class CohortFacts:
    """A cohort as preprocessing left it."""

    unknown: str = "the report was not told where the cohort is"
    """Why nothing is known of it; empty if something is."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """For the flowchart, as in `cohort.json`."""
    patients: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Its `cohort.csv`."""
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Its `excluded.csv`."""
    series: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every patient's series."""


@dataclass(frozen=True)
class FeatureStatistics:
    """Whose features the networks' standardization was fitted to, as far as it could be computed anew."""

    unknown: str = "the report was not told where the features are"
    """Why it could not; empty if it could."""
    n_folds: int = 0
    """Of all networks: how many checkpoints were looked at."""
    largest_difference: float = 0.0
    """Between a channel's mean in a checkpoint and in the training patients' features [standard deviations]."""
    wrong: Sequence[str] = ()
    """Which folds' statistics are of other patients than those that were trained on, and of whom."""


@dataclass(frozen=True)
class Background:
    """All that the command knows and the predictions do not."""

    training: CohortFacts = CohortFacts()
    external: CohortFacts = CohortFacts()
    statistics: FeatureStatistics = FeatureStatistics()
    differences: Sequence[tuple[str, Any, Any]] | None = None
    """Settings that differ from the default: key, default, value; None if the study's settings are unknown."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What all runs of the study share, by dotted keys; empty if that was not recorded."""
    architecture: Architecture | None = None
    sensitivity: float = 0.9
    """That the second operating point has on validation patients."""
    subgroup: str | None = None
    """Column of the manifest whose groups are compared."""
    partial: bool = False
    """Whether a study with missing folds is shown, as partial."""
