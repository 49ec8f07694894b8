"""Predictions as lines of a terminal."""

from collections.abc import Iterator, Sequence

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.text import counted
from stroke_ctp.reporting.model_text import endpoint_text
from stroke_ctp.study.prediction_folder import NOT_ASSESSABLE, PatientPrediction
from stroke_ctp.study.reference import point_title


def prediction_lines(predictions: Sequence[PatientPrediction], endpoint: Endpoint) -> Iterator[str]:
    """The answer for one patient, or the numbers of many."""
    failed = sum(one.reason is not None for one in predictions)
    if failed:
        yield f"{failed} of {len(predictions)} patients cannot be scored (predictions.csv, column reason)"
    declined = sum(bool(one.declined) for one in predictions)
    if declined and predictions[1:]:
        yield f"{declined} of {len(predictions)} patients are not assessable (predictions.csv, column declined)"
    if len(predictions) == 1 and not failed:
        yield from _answer_lines(predictions[0], endpoint)


def _answer_lines(one: PatientPrediction, endpoint: Endpoint) -> Iterator[str]:
    scores = one.members.values()
    if one.answer == NOT_ASSESSABLE:
        yield f"{NOT_ASSESSABLE}: {'; '.join(one.declined)}"
    elif one.answer is not None:
        yield f"{one.answer} core, at {point_title(next(iter(one.classes)))}"
    if one.calibrated is not None:
        yield f"calibrated probability of a large core: {one.calibrated:.2f}"
    yield (
        f"probability of a large core ({endpoint_text(endpoint)}): {one.probability:.2f}, "
        f"mean of {counted(len(scores), 'member')} ({min(scores):.2f} to {max(scores):.2f})"
    )
    if one.volume is not None:
        yield "core volume {:.0f} mL (90 % interval {:.0f} to {:.0f} mL)".format(*one.volume.values())
    yield f"slices {', '.join(str(one.quality[f'{level}_slice']) for level in LEVELS)}, counted from 0"
