"""Verify whom networks were trained on: repeat the first epoch of every training and compare its losses with the log.

Order of patients, augmentation draws, dropout and initial weights follow from the settings, so that an epoch can be
repeated. One patient more or fewer changes all batches; one exchanged patient changes the mean loss. In ten folds of
217 simulated patients, one test patient more among the training patients changed a loss by 0.008 or more, one in
exchange for another by 0.009 or more, and rounding of all features by 4e-7 at most.
"""

import tempfile
from pathlib import Path

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.provenance import machine
from stroke_ctp.model.checkpoints import TrainingFiles
from stroke_ctp.model.protocol import Fold
from stroke_ctp.study.audit.findings import Compared, Finding, judged, together
from stroke_ctp.study.audit.recorded_features import training_features
from stroke_ctp.study.members import first_epoch_model
from stroke_ctp.study.predictions import Study
from stroke_ctp.study.run_folder import RunFolder

TOLERANCE = 1e-4
"""Largest difference of a loss that rounding explains on a CPU."""

_CHECK = "Networks were trained on the recorded training patients"


def examine_first_epochs(study: Study, training: Cohort | str) -> list[Finding]:
    """Repeat the first epoch of every network; nothing without a network.

    Args:
        study: Predictions and records.
        training: The cohort that the runs recorded, or why it is not known.
    """
    networks = [model for model in study.models.values() if model.record.encoder is not None]
    if not networks:
        return []
    if isinstance(training, str):
        return judged(_CHECK, [], "", [f"training cohort: {training}"])
    found = together(_compared(run, training) for model in networks for run in model.runs.values())
    examined = (
        f"first epoch of {found.n} trainings repeated with the training patients that follow from the settings: the "
        f"logged losses come out again (largest difference {found.largest_difference:.0e})"
    )
    return judged(_CHECK, found.wrong, examined if found.n else "", found.unchecked)


def _compared(run: RunFolder, cohort: Cohort) -> Compared:
    record, logged = run.record(), run.training.losses()
    if logged is None or 0 not in set(logged["epoch"]):
        return Compared(unchecked=[f"{record.model}: no log of the first epoch"])
    if training_features(run, len(cohort)) is None:
        return Compared(unchecked=[f"{record.model}: the features that it was trained on are not cached as recorded"])
    model, settings = first_epoch_model(run), run.settings()
    try:
        cache = model.cache(cohort)
    except UserError as error:
        return Compared(unchecked=[f"{record.model}: {error}"])
    if cache is None or cache.name != record.fitted["feature_cache"] or not cache.holds(settings.bank.draws):
        return Compared(unchecked=[f"{record.model}: its draws are not cached for this kind of device and version"])
    fold = Fold.of(cohort, Endpoint.of(cohort, settings.endpoint), settings)
    with tempfile.TemporaryDirectory() as folder:
        files = TrainingFiles(Path(folder))
        model.fit(fold, files, runs_to_come=None)
        again = files.losses()
    assert again is not None
    names = ["train_loss", "val_loss"]
    first = logged.set_index("epoch").loc[0, names].to_numpy(float)
    difference = float(abs(first - again.loc[0, names].to_numpy(float)).max())
    if difference <= TOLERANCE:
        return Compared(1, difference)
    if not all(device.startswith("CPU") for device in (run.provenance().device, machine().device)):
        return Compared(unchecked=[f"{record.model}: only CPUs repeat an epoch exactly"])
    where = f"{record.model}, fold {run.member}"
    phrase = f"{where} was trained on other patients or settings than recorded: its first epoch has other losses"
    return Compared(1, difference, [phrase])
