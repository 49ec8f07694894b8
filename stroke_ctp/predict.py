"""Score new patients: `python -m stroke_ctp.predict scan=PATH|manifest=FILE name=NAME|bundle=FILE out=DIR`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from stroke_ctp.cohort.inclusion import Rules
from stroke_ctp.cohort.manifest import ManifestPatient, ManifestRow, read_manifest
from stroke_ctp.cohort.manifest_checks import check_scans
from stroke_ctp.cohort.patient_series import record_key
from stroke_ctp.cohort.standard_series import StandardSeries, standard_series
from stroke_ctp.common.errors import DEFECT, Excluded, UserError, described_defect
from stroke_ctp.common.files import out_folder
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.locks import only_command
from stroke_ctp.common.parallel import parallel_map, with_progress
from stroke_ctp.common.provenance import machine
from stroke_ctp.common.text import counted
from stroke_ctp.config.command_line import run
from stroke_ctp.config.schemas.predict import PredictSettings
from stroke_ctp.model.registry import refuse_whole_scan
from stroke_ctp.reporting.patient_outputs import PatientOutputs
from stroke_ctp.reporting.prediction_text import prediction_lines
from stroke_ctp.study.answers import answer
from stroke_ctp.study.exchange import refuse_unwritable
from stroke_ctp.study.out_of_fold import OutOfFold
from stroke_ctp.study.prediction_folder import PatientPrediction, PredictionFolder
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.recorded_cohort import predictor_with_range
from stroke_ctp.study.run_folder import Elsewhere
from stroke_ctp.study.study_folder import StudyFolder

_AT_A_TIME = 16
"""Patients whose series are in memory."""


def predict(settings: PredictSettings) -> None:
    """Score the patients that are not scored yet, then write the table of all."""
    patients = _patients(settings)
    refuse_unwritable(patients, settings.format)
    predictor = _predictor(settings)
    _check_fold_membership(patients, predictor, settings)
    folder = PredictionFolder(out_folder(settings.out))
    outputs = _outputs(predictor, folder, settings)
    keys = _keys(patients, predictor, settings)
    with only_command(folder.folder):
        predictions, unwritten = _predict(patients, keys, predictor, folder, outputs, settings)
        failed = [one.reason for one in predictions if one.reason is not None]
        if settings.scan is not None and failed:
            raise UserError(failed[0])
        folder.write(predictions, _made_with(predictor))
        outputs.remove_others(keys)
    known = sum(one.in_training for one in predictions)
    if known:
        print(f"warning: {counted(known, 'patient')} of the training cohort, on whom the members were trained")
    for line in prediction_lines(predictions, predictor.endpoint):
        print(line)
    if outputs.reference is not None and settings.scan is not None:
        print(f"page {folder.page()}")
    print(folder.table)
    _require_success(predictions, unwritten)


def _outputs(predictor: Predictor, folder: PredictionFolder, settings: PredictSettings) -> PatientOutputs:
    """What is written of each patient beside the table."""
    with_page = settings.scan is not None if settings.page is None else settings.page
    known = OutOfFold.of(predictor.reference, predictor.about.cohort.simulated) if with_page else None
    return PatientOutputs(predictor, folder, _made_with(predictor), known, settings.format)


def _made_with(predictor: Predictor) -> dict[str, Any]:
    return {
        "study": predictor.about.study,
        "model": predictor.model.name,
        "members": len(predictor.members),
        "predictor": predictor.key,
        "endpoint": asdict(predictor.endpoint),
        **asdict(machine()),
    }


def _predictor(settings: PredictSettings) -> Predictor:
    """The members, with the range of the training cohort if that is known."""
    if settings.bundle is not None:
        return Predictor.from_bundle(settings.bundle)
    refuse_whole_scan("model", [settings.model])
    elsewhere = Elsewhere.of_training(settings.cohort, settings.bank)
    study = StudyFolder(settings.outputs, settings.name, elsewhere)
    predictor, note = predictor_with_range(study, settings.model, "cohort")
    if note:
        print(f"{note}; a bundle contains their limits" if predictor.typical is None else note)
    return predictor


def _require_success(predictions: Sequence[PatientPrediction], unwritten: Mapping[str, str]) -> None:
    """Require that a patient was scored, none met a defect of this package, and all pages and maps are written."""
    broken = [one.reason for one in predictions if one.stage == DEFECT]
    if broken:
        raise UserError(
            f"{len(broken)} of {len(predictions)} patients met an unexpected error, the others are done: {broken[0]}; "
            "rerun with scan=PATH for the traceback"
        )
    if not any(one.members for one in predictions):
        several = f"none of {len(predictions)} patients can be scored; first: " if predictions[1:] else ""
        raise UserError(f"{several}{predictions[0].reason}")
    if unwritten:
        reasons = "; ".join(f"{patient}: {reason}" for patient, reason in unwritten.items())
        raise UserError(f"all are scored that can be, but page or maps are missing of {reasons}")


def _rules(predictor: Predictor) -> Rules:
    return replace(predictor.rules, levels="auto")


def _keys(patients: Sequence[ManifestPatient], predictor: Predictor, settings: PredictSettings) -> dict[int, str]:
    """Hash of everything that determines a prediction, by number of the patient."""
    determined_by = {
        "rules": asdict(_rules(predictor)),
        "predictor": predictor.key,
        "out_of_fold": settings.out_of_fold,
        "error": settings.error,
    }
    return {patient.number: record_key(patient, determined_by) for patient in patients}


def _predict(
    patients: Sequence[ManifestPatient],
    keys: Mapping[int, str],
    predictor: Predictor,
    folder: PredictionFolder,
    outputs: PatientOutputs,
    settings: PredictSettings,
) -> tuple[list[PatientPrediction], dict[str, str]]:
    """The predictions of all patients in their order, and by patient why page or maps cannot be written."""
    made = {patient.number: _finished(patient, keys[patient.number], folder, outputs) for patient in patients}
    if settings.out_of_fold:
        strangers = [patient for patient in patients if patient.patient not in predictor.tested_in]
        reason = "the training cohort has no such patient"
        made |= {one.number: PatientPrediction(one.patient, {}, {}, "fold", reason) for one in strangers}
    todo = [patient for patient in patients if made[patient.number] is None]
    results = zip(todo, _series(todo, _rules(predictor), settings.jobs), strict=True)
    unwritten = dict[str, str]()
    for patient, series in with_progress(results, "predict", "patients", len(patients), len(patients) - len(todo)):
        used = predictor.tested_in[patient.patient] if settings.out_of_fold else None
        made[patient.number] = prediction = _answered(patient.patient, series, predictor, used, settings.error)
        # A defect may pass, like a lack of memory; a scan that cannot be used leaves no folder.
        if prediction.members or (settings.manifest is not None and prediction.stage != DEFECT):
            folder.record(patient.number, keys[patient.number], prediction)
        if isinstance(series, StandardSeries):
            members = range(len(predictor.members)) if used is None else used
            write = partial(outputs.write, patient, keys[patient.number], series, prediction, members)
            unwritten |= _failure(patient, write)
    return [one for one in made.values() if one is not None], unwritten


def _failure(patient: ManifestPatient, write: Callable[[], None]) -> dict[str, str]:
    """Write what belongs to a patient of a manifest; if that fails, the patient's name and why."""
    try:
        write()
    except Exception as error:
        if not patient.patient:  # no other patient waits
            raise
        known = isinstance(error, UserError | Excluded)
        return {patient.patient: str(error) if known else described_defect(error, patient.rows[0].scan_name)}
    return {}


def _finished(
    patient: ManifestPatient, key: str, folder: PredictionFolder, outputs: PatientOutputs
) -> PatientPrediction | None:
    """What an earlier command has predicted from the same data; None where the page is missing."""
    found = folder.finished(patient.number, key)
    return found if found is None or not found.members or outputs.has(patient, key) else None


def _series(patients: Sequence[ManifestPatient], rules: Rules, jobs: int) -> Iterator[StandardSeries | Excluded]:
    """Standard series of patients, a few at a time, or the reason why a patient has none."""
    for start in range(0, len(patients), _AT_A_TIME):
        few = patients[start : start + _AT_A_TIME]
        yield from parallel_map(partial(_standard_series, rules=rules), few, min(jobs, len(few)))


def _standard_series(patient: ManifestPatient, rules: Rules) -> StandardSeries | Excluded:
    try:
        return standard_series(patient, rules)
    except Excluded as exclusion:
        return exclusion
    except Exception as error:
        if not patient.patient:  # no other patient depends on this one: the traceback says more
            raise
        return Excluded(DEFECT, described_defect(error, patient.rows[0].scan_name))


def _answered(
    patient: str,
    series: StandardSeries | Excluded,
    predictor: Predictor,
    used: Sequence[int] | None,
    error: float | None,
) -> PatientPrediction:
    if isinstance(series, Excluded):
        return PatientPrediction(patient, {}, {}, series.stage, series.reason)
    return answer(predictor, patient, series, used, error)


def _patients(settings: PredictSettings) -> list[ManifestPatient]:
    if settings.manifest is not None:
        patients = read_manifest(settings.manifest, levels_required=False)
        check_scans(patients)
        return patients
    path = settings.scan
    assert path is not None
    if not path.exists():
        raise UserError(f"there is no scan {path}; give a 4D NIfTI file or a DICOM folder with scan=…")
    levels: Mapping[str, int] = {} if settings.levels == "auto" else dict(zip(LEVELS, settings.levels, strict=True))
    row = ManifestRow(path.name, dict(levels), None, None, settings.frame_interval_s)
    return [ManifestPatient(1, "", path.parent, (row,), "", {})]


def _check_fold_membership(
    patients: Sequence[ManifestPatient], predictor: Predictor, settings: PredictSettings
) -> None:
    """Refuse out_of_fold=true without a training patient; warn of training patients who are scored by all members.

    Raises:
        UserError: No patient is of the training cohort.
    """
    known = [patient.patient for patient in patients if patient.patient in predictor.tested_in]
    if settings.out_of_fold and not known:
        raise UserError(
            f"out_of_fold=true is for patients of the training cohort of {predictor.about.study}, of whom "
            f"{'a scan=PATH has no name; use a manifest' if settings.scan else f'{settings.manifest} has none'}"
        )
    if known and not settings.out_of_fold:
        print(
            f"warning: {len(known)} patient(s), such as {known[0]}, have the name of a training patient; if they are "
            "the same, the members know them: add out_of_fold=true"
        )


if __name__ == "__main__":
    run(predict, PredictSettings, "predict")
