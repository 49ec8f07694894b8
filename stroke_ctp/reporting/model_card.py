"""What the user of a bundle must know of its model, in Markdown (M. Mitchell et al., FAT* 2019, 220)."""

from collections.abc import Iterator
from textwrap import fill

from stroke_ctp.common.provenance import machine
from stroke_ctp.common.text import TERMINAL_WIDTH, counted
from stroke_ctp.model.registry import name_apart
from stroke_ctp.reporting.model_text import encoder_text, endpoint_text, threshold_origin
from stroke_ctp.reporting.number_text import estimate_text, number_text
from stroke_ctp.reporting.results.model_aucs import ModelAucs, model_aucs
from stroke_ctp.reporting.results.operating_points import operating_point
from stroke_ctp.reporting.results.recalibration import CalibrationMeasures, recalibrated_cohorts
from stroke_ctp.reporting.summary_sentences import (
    cross_validation_phrase,
    external_phrase,
    operating_point_phrase,
    patients_phrase,
)
from stroke_ctp.study.predictions import ModelPredictions
from stroke_ctp.study.predictor import Predictor
from stroke_ctp.study.reference import MemberPoint, point_title
from stroke_ctp.study.typical_patients import DECLINED, GATES, TypicalPatients

_USE = (
    "**Research use only. Not a medical device. Not for diagnosis or treatment.** The model has not been evaluated on "
    "clinical scans by its makers unless the lines below say so."
)


def model_card(predictor: Predictor, predictions: ModelPredictions) -> str:
    """The card of a model.

    Args:
        predictor: With the range of its training cohort.
        predictions: Of the same model.
    """
    aucs = model_aucs(predictions)
    parts = {
        "What it answers": _question(predictions),
        "Patients": _patients(aucs),
        "Discrimination": [cross_validation_phrase(aucs), external_phrase(aucs)],
        "Calibration": list(_calibration(predictions)),
        "Operating points": _points(aucs, predictor.reference.points),
        "When it declines": [] if predictor.typical is None else list(_limits(predictor.typical)),
        "Made with": [
            f"Members: {len(predictor.members)}; weights of the frozen network: {encoder_text(predictions) or 'none'}",
            ", ".join(f"{name} {version}" for name, version in machine().versions.items()),
        ],
    }
    sections = [f"## {title}\n\n" + "\n".join(map(_item, filter(None, lines))) for title, lines in parts.items()]
    title = f"# Model card: {name_apart(predictions.name)}, study {predictor.about.study}"
    return "\n\n".join([title, fill(_USE, TERMINAL_WIDTH), *sections]) + "\n"


def _item(line: str) -> str:
    """A line of a list, as wide as a terminal."""
    return fill(f"- {line}.", TERMINAL_WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _question(predictions: ModelPredictions) -> list[str]:
    record = predictions.record
    labels = record.cohort.labels.items()
    how = ", ".join(f"{counted(n, 'patient')} by {method or 'an unknown method'}" for method, n in labels)
    return [
        f"The probability of a large core: {endpoint_text(record.endpoint)}, {threshold_origin(predictions)}",
        f"How the core was measured for training: {how}",
        "Input: raw CT perfusion at two axial levels, made into a standard series by this package",
    ]


def _patients(aucs: ModelAucs) -> list[str]:
    cohort = aucs.predictions.record.cohort
    origin = f"{cohort.simulated} of the {cohort.patients} training patients are simulated"
    return [patients_phrase(aucs), origin if cohort.simulated else ""]


def _calibration(predictions: ModelPredictions) -> Iterator[str]:
    for cohort in recalibrated_cohorts(predictions):
        where = "Test folds" if cohort.patients.split == "test" else "External cohort"
        yield f"{where}, before: {_measures(cohort.before)}"
        yield f"{where}, after recalibration on other patients: {_measures(cohort.after)}"


def _measures(measures: CalibrationMeasures) -> str:
    index = "undefined" if measures.ici is None else number_text(measures.ici)
    return f"slope {estimate_text(measures.slope)}, intercept {estimate_text(measures.intercept)}, ICI {index}"


def _points(aucs: ModelAucs, points: list[MemberPoint]) -> list[str]:
    thresholds = [
        f"At {point_title(point.name)} a member calls a core large above {max(point.threshold.value, 0):.4g}; the "
        "majority decides"
        for point in points
        if point.threshold.value is not None
    ]
    patients = [cohort.patients for cohort in aucs.cohorts]
    return [*thresholds, operating_point_phrase(operating_point(aucs.predictions, patients, None))]


def _limits(typical: TypicalPatients) -> Iterator[str]:
    yield f"Limits are the range of the training patients, of whom at most {100 * DECLINED:g} % lie outside"
    for gate in GATES:
        if gate.column in typical.ranges:
            usual = typical.ranges[gate.column]
            ends = [("at least", usual.low), ("at most", usual.high)]
            limits = " and ".join(f"{word} {gate.text(end)}" for word, end in ends if end is not None)
            yield f"{gate.title[0].upper()}{gate.title[1:]}: {limits}"
    if typical.cloud is not None:
        yield f"Distance of what the model sees from the training patients: at most {typical.cloud.farthest:.3g}"
