"""The answer for one patient: probabilities, class, and whether the patient is assessable at all."""

from collections.abc import Sequence

from stroke_ctp.cohort.new_patients import NewPatients
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.study.prediction_folder import PatientPrediction
from stroke_ctp.study.predictions_file import VOLUME_COLUMNS
from stroke_ctp.study.predictor import Predictor

NOT_MEASURED = "the model could not measure this scan"
"""Why a patient is declined in whom the model finds nothing to score."""


def answer(
    predictor: Predictor,
    patient: str,
    series: StandardSeries,
    used: Sequence[int] | None = None,
    error: float | None = None,
) -> PatientPrediction:
    """Score a patient.

    Args:
        predictor: The members.
        patient: Name.
        series: Made by the predictor's rules.
        used: Numbers of the members that had not seen the patient, one of the training cohort; by default all score.
        error: Largest share of patients of either class who may get the wrong answer; patients for whom that cannot be
            kept are declined.
    """
    scores = predictor.score(NewPatients.of(series.hu))
    scoring = list(range(len(predictor.members)) if used is None else used)
    members = {predictor.names[number]: float(scores.probability[number, 0]) for number in scoring}
    mean = None if scores.volumes is None else scores.volumes[scoring, 0].mean(axis=0).tolist()
    typical, reference = predictor.typical, predictor.reference
    measured = bool(scores.measured[0])
    descriptors = scores.descriptors[0] if measured and scores.descriptors is not None else None
    reasons = [] if measured else [NOT_MEASURED]
    reasons += [] if typical is None else typical.reasons(series.quality, series.hu, descriptors)
    classes, calibrated = reference.classes(members), reference.calibrated(members)
    return PatientPrediction(
        patient,
        members,
        series.quality,
        volume=None if mean is None else dict(zip(VOLUME_COLUMNS, mean, strict=True)),
        calibrated=calibrated,
        classes=classes,
        declined=reasons + _undecided(predictor, members, classes, error),
        in_training=used is None and typical is not None and typical.knows(series.hu),
        out_of_fold=used is not None,
    )


def _undecided(
    predictor: Predictor, members: dict[str, float], classes: dict[str, bool | None], error: float | None
) -> list[str]:
    """Why a share of errors cannot be kept for a patient; nothing for one for whom it can, or where none was given."""
    if error is None:
        return []
    large = next(iter(classes.values()), None)
    if large is None:
        return [f"the validation patients define no threshold, so {100 * error:g} % errors cannot be kept"]
    if predictor.reference.settles(members, large, error):
        return []
    return [f"the probability does not settle the class at {100 * error:g} % errors"]
