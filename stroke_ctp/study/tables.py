"""What training and ensemble share: a study's folders, settings and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import plain
from stroke_ctp.model.settings import TrainSettings

_NOT_RESULTS = {"ablation", "fold", "name", "outputs", "logger", "num_workers"}
"""Settings that may differ between the runs of a study: which run it is, and how it is carried out."""


def run_folder(study: Path, ablation: str, fold: int) -> Path:
    """Where one fold of one ablation lies."""
    return study / ablation / f"fold-{fold}"


def study_settings(settings: TrainSettings, cohort_hash: str) -> dict[str, Any]:
    """What all runs of a study share because it determines their results; plain values."""
    shared = {key: value for key, value in plain(settings).items() if key not in _NOT_RESULTS}
    shared["cohort"] = cohort_hash
    del shared["network"]["pathways"], shared["bank"]["folder"]
    del shared["trainer"]["accelerator"], shared["trainer"]["devices"]
    return shared


def predictions_table(
    cohort: Cohort,
    labels: Int[np.ndarray, " patient"],
    rows: Int[np.ndarray, " row"],
    probability: Float[np.ndarray, " row"],
    split: str | Sequence[str],
    fold: int | str,
) -> pd.DataFrame:
    """The long table in which every result is kept.

    Args:
        cohort: Whose patients they are.
        labels: Classes of all its patients.
        rows: Which of them.
        probability: Of a large core.
        split: validation, test or external; one for all, or one for each row.
        fold: Number, or `mean` for an ensemble.

    Raises:
        UserError: A probability is none: the training diverged.
    """
    if not np.isfinite(probability).all():
        raise UserError(f"fold {fold}: the training has diverged; take another name and a lower learning_rate")
    patients = cohort.table.iloc[rows]
    return pd.DataFrame(
        {
            "patient": patients["patient"].to_numpy(),
            "fold": fold,
            "split": split,
            "label": labels[rows],
            "core_ml": patients["core_ml"].to_numpy() if "core_ml" in patients else np.nan,
            "probability": probability,
        }
    )
