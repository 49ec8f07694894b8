"""Verify the predictions of networks: score the recorded patients again with the weights of every run."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.provenance import machine
from stroke_ctp.study.audit.compared_rows import compare_rows
from stroke_ctp.study.audit.findings import Compared, Finding, judged, together
from stroke_ctp.study.audit.recorded_features import Features, external_features, training_features
from stroke_ctp.study.members import score_features
from stroke_ctp.study.predictions import ModelPredictions, Study
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder

TOLERANCE = 1e-4
"""Largest difference of a probability that rounding explains on the kind of device that scored first."""
OTHER_DEVICE_TOLERANCE = 0.01
"""The same on another kind: TF32 convolutions keep ten bits."""
LOSS_TOLERANCE, OTHER_DEVICE_LOSS_TOLERANCE = 1e-3, 0.02
"""The same of a mean loss."""

_CHECK = "Networks give the recorded predictions again"
_NO_FEATURES = "the features that it scored are not cached as it recorded them"


def examine_networks(
    study: Study, folder: StudyFolder, training: Cohort | str, external: Cohort | str
) -> list[Finding]:
    """Score validation, test and external patients again, from the feature cache; nothing without a network.

    Args:
        study: Predictions and records.
        folder: Of the study.
        training: The cohort that the runs recorded, or why it is not known.
        external: The cohort that was scored, or why it is not known.
    """
    networks = [model for model in study.models.values() if model.record.encoder is not None]
    if not networks:
        return []
    if isinstance(training, str):
        return judged(_CHECK, [], "", [f"training cohort: {training}"])
    device = machine().device
    found = together(
        part
        for model in networks
        for run in model.runs.values()
        for part in (_folds(model, run, training, device), _external(model, run, folder, training, external, device))
    )
    examined = f"{found.n} probabilities from best.ckpt of every run; largest difference {found.largest_difference:.0e}"
    return judged(_CHECK, found.wrong, examined if found.n else "", found.unchecked)


def _folds(model: ModelPredictions, run: RunFolder, cohort: Cohort, device: str) -> Compared:
    """Validation and test patients of one run."""
    features = training_features(run, len(cohort))
    if features is None:
        return Compared(unchecked=[f"{model.name}: {_NO_FEATURES}"])
    if not run.training.best.exists():
        return Compared(unchecked=[f"{model.name}: a checkpoint is missing"])
    rows = _of(cohort, model.rows_of(run))
    again = _scores(run, rows, features, cohort)
    where = f"{model.name}, fold {run.member}"
    compared = compare_rows(where, rows, again, _tolerance(run, device), "its weights")
    is_validation = (rows["split"] == "validation").to_numpy()
    loss = _mean_loss(rows.loc[is_validation, "label"].to_numpy(float), again[is_validation])
    return together([compared, _logged_loss(run, loss, device)])


def _external(
    model: ModelPredictions,
    run: RunFolder,
    folder: StudyFolder,
    training: Cohort,
    external: Cohort | str,
    device: str,
) -> Compared:
    """External patients, scored by one member."""
    if model.external is None or not run.training.best.exists():
        return Compared()
    if isinstance(external, str):
        return Compared(unchecked=[f"external cohort: {external}"])
    features = external_features(run, folder.ensemble(model.name), external, len(training))
    if features is None:
        return Compared(unchecked=[f"{model.name}, external cohort: {_NO_FEATURES}"])
    rows = _of(external, model.external_rows_of(run))
    again, where = _scores(run, rows, features, external), f"{model.name}, member {run.member}"
    return compare_rows(where, rows, again, _tolerance(run, device), "its weights")


def _of(cohort: Cohort, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the cohort's patients: the check of classes names others."""
    return rows[rows["patient"].isin(cohort.patients)]


def _scores(run: RunFolder, rows: pd.DataFrame, features: Features, cohort: Cohort) -> Float[np.ndarray, " row"]:
    """Probability of each row, by the weights of a run."""
    number = {patient: row for row, patient in enumerate(cohort.patients)}
    return score_features(run, cohort, features, np.array([number[patient] for patient in rows["patient"]]))


def _logged_loss(run: RunFolder, loss: float, device: str) -> Compared:
    """The weights must have the validation loss that was logged for their epoch."""
    losses, record = run.training.losses(), run.record()
    if losses is None:
        return Compared()  # the check of epochs says that there is no log
    logged = losses.set_index("epoch")["val_loss"].get(record.fitted["best_epoch"], np.inf)
    both_cpu = run.provenance().device.startswith("CPU") and device.startswith("CPU")
    if abs(logged - loss) <= (LOSS_TOLERANCE if both_cpu else OTHER_DEVICE_LOSS_TOLERANCE):
        return Compared()
    where = f"{record.model}, fold {run.member}"
    return Compared(wrong=[f"{where}: its weights have the validation loss {loss:.4g}, its log says {logged:.4g}"])


def _mean_loss(label: Float[np.ndarray, " row"], probability: Float[np.ndarray, " row"]) -> float:
    """Binary cross-entropy."""
    right = np.where(label == 1, probability, 1 - probability)
    return float(-np.log(right.clip(1e-30)).mean())


def _tolerance(run: RunFolder, device: str) -> float:
    """Largest difference of a probability that rounding explains on this device."""
    there = run.provenance().device
    both_cpu = there.startswith("CPU") and device.startswith("CPU")
    return TOLERANCE if both_cpu or there == device else OTHER_DEVICE_TOLERANCE
