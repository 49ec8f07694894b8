"""From scores to curves: discrimination and calibration of every model at every level of every axis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.model.registry import in_order
from stroke_ctp.robustness.axes import AXES, LABEL, PREVALENCE, PREVALENCES
from stroke_ctp.robustness.declines import DeclinedScans, declined_scans
from stroke_ctp.robustness.stress_folder import StressFolder, StressRecord
from stroke_ctp.robustness.stress_patient import TRUTHS
from stroke_ctp.statistics import calibration, delong
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.labels import Labels, Scores, missing_class
from stroke_ctp.statistics.smooth_calibration import integrated_calibration_index

CONVENTIONAL = tuple(DEFINITIONS)
"""Models that are the rivals of the others."""
_FINEST = 30
"""Denominator to which the odds of prevalence are rounded, unless they are below 1 in as many."""


@dataclass(frozen=True)
class Point:
    """One model at one level of one axis."""

    axis: str
    level: float
    """Number of the definition on the axis of labels."""
    text: str
    """The level in words, without its unit."""
    model: str
    is_trained: bool
    """Whether the training patients of the perfusion network cover this level."""
    n: int
    n_large: int
    not_measured: int
    """Patients without a score of their own: they have the one of the model's median patient."""
    auc: Estimate
    """Of all patients."""
    slope: float | None
    """Of calibration; None if it is undefined."""
    intercept: float | None
    """Calibration in the large; above 0, large cores are more frequent than predicted."""
    ici: float | None
    """Mean distance between predicted and observed share."""
    difference: Estimate | None
    """AUC minus that of the better conventional core of this level, paired; None for a conventional core."""
    rival: str | None
    """Which one that is."""


@dataclass(frozen=True)
class StressResults:
    """All curves of a study."""

    record: StressRecord
    points: tuple[Point, ...]
    declines: tuple[DeclinedScans, ...]
    """By model; none if nobody could be declined."""

    @property
    def models(self) -> list[str]:
        """Models in the order in which they are shown."""
        return in_order(self.record.models)

    def curve(self, axis: str, model: str) -> list[Point]:
        """Points of one model along one axis, by level."""
        return [point for point in self.points if (point.axis, point.model) == (axis, model)]


@dataclass(frozen=True)
class _Scored:
    """All patients at one level."""

    labels: Labels
    probability: Mapping[str, Scores]
    not_measured: Mapping[str, int]


def read_results(folder: StressFolder) -> StressResults:
    """Curves of a study that has been tried.

    Raises:
        UserError: A file is missing or was changed.
    """
    return stress_results(folder.record(), folder.scores())


def stress_results(record: StressRecord, scores: pd.DataFrame) -> StressResults:
    """Curves from the table of scores."""
    labels = (_volumes(record, record.truth) > record.endpoint.threshold).astype(int)
    points: list[Point] = []
    for name, levels in record.axes.items():
        low, high = AXES[name].trained
        for level in levels:
            scored = _scored(record, scores, name, level, labels)
            points += _points(scored, name, level, f"{level:g}", low <= level <= high)
    if record.questions:
        good = _scored(record, scores, "", 0.0, labels)
        points += _questions(record, good)
    models = in_order(record.models)
    return StressResults(record, tuple(points), declined_scans(scores, labels, record.share_large, models))


def curves_frame(results: StressResults) -> pd.DataFrame:
    """The table of curves, a row for each point."""
    return pd.DataFrame([_row(point) for point in results.points]).convert_dtypes()


def _questions(record: StressRecord, good: _Scored) -> Iterator[Point]:
    """Points of the axes for which nobody is scanned anew."""
    if LABEL in record.questions:
        n_large = int(good.labels.sum())
        for number, (name, words) in enumerate(TRUTHS.items()):
            largest = np.argsort(-_volumes(record, name), kind="stable")[:n_large]
            labels = np.isin(np.arange(len(good.labels)), largest).astype(int)
            scored = _Scored(labels, good.probability, good.not_measured)
            yield from _points(scored, LABEL, float(number), words, name in ("core", "cbv"))
    if PREVALENCE in record.questions and not missing_class(good.labels):
        for share in PREVALENCES:
            yield from _points(good, PREVALENCE, share, f"{share:g}", is_trained=True, prevalence=share)


def _volumes(record: StressRecord, truth: str) -> Scores:
    """Of every patient [mL]."""
    return np.array([truths[truth] for truths in record.truths])


def _scored(record: StressRecord, scores: pd.DataFrame, axis: str, level: float, labels: Labels) -> _Scored:
    """All patients at one level; at that of the reference, the good scans."""
    good = axis == "" or level == AXES[axis].reference
    rows = scores[(scores["axis"] == ("" if good else axis)) & (good | (scores["level"] == level))]
    probability, not_measured = {}, {}
    for model in in_order(record.models):
        own = rows[rows["model"] == model].set_index("patient").reindex(range(record.patients))
        probability[model] = own["probability"].fillna(record.share_large).to_numpy(float)
        not_measured[model] = int((~own["measured"].astype(bool)).sum())
    return _Scored(labels, probability, not_measured)


def _points(
    scored: _Scored, axis: str, level: float, text: str, is_trained: bool, prevalence: float | None = None
) -> Iterator[Point]:
    """One point for each model.

    At another prevalence every patient counts as often as its class becomes more or less frequent. That changes
    calibration but not the AUC, in which each class has a weight of one.
    """
    labels, rival = scored.labels, _rival(scored)
    repeats = np.ones(len(labels), int) if prevalence is None else _repeats(labels, prevalence)
    for model, probability in scored.probability.items():
        against = None if model in CONVENTIONAL else rival
        repeated = np.repeat(labels, repeats), np.repeat(probability, repeats)
        yield Point(
            *(axis, level, text, model, is_trained),
            n=len(labels),
            n_large=int(labels.sum()),
            not_measured=scored.not_measured[model],
            auc=delong.auc_estimate(labels, probability),
            slope=calibration.slope(*repeated).value,
            intercept=calibration.intercept(*repeated).value,
            ici=integrated_calibration_index(*repeated),
            difference=None if against is None else _difference(scored, model, against),
            rival=against,
        )


def _difference(scored: _Scored, model: str, against: str) -> Estimate:
    """AUC of one model minus that of another, paired."""
    return delong.difference(scored.labels, scored.probability[model], scored.probability[against]).interval()


def _rival(scored: _Scored) -> str | None:
    """The conventional core with the larger AUC at this level; None without one."""
    aucs = {
        model: delong.auc_estimate(scored.labels, scored.probability[model]).value
        for model in CONVENTIONAL
        if model in scored.probability
    }
    known = {model: auc for model, auc in aucs.items() if auc is not None}
    return max(known, key=known.__getitem__, default=None)


def _repeats(labels: Labels, prevalence: float) -> Labels:
    """How often each patient counts, so that this share of all is large cores."""
    n_large = int(labels.sum())
    odds = prevalence / (1 - prevalence) * (len(labels) - n_large) / n_large
    ratio = Fraction(1, round(1 / odds)) if odds < 1 / _FINEST else Fraction(odds).limit_denominator(_FINEST)
    return np.where(labels == 1, ratio.numerator, ratio.denominator)


def _row(point: Point) -> dict[str, object]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    difference = point.difference or Estimate(reason="not compared")
    return {
        "axis": point.axis,
        "level": point.text,
        "pretraining_range": point.is_trained,
        "model": point.model,
        "n": point.n,
        "large": point.n_large,
        "not_measured": point.not_measured,
        "auc": rounded(point.auc.value),
        "auc_low": rounded(point.auc.low),
        "auc_high": rounded(point.auc.high),
        "calibration_slope": rounded(point.slope),
        "calibration_intercept": rounded(point.intercept),
        "ici": rounded(point.ici),
        "against": point.rival,
        "auc_difference": rounded(difference.value),
        "difference_low": rounded(difference.low),
        "difference_high": rounded(difference.high),
    }
