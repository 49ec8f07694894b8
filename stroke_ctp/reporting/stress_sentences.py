"""What stress curves mean, in sentences for a clinician."""

from collections.abc import Sequence

from stroke_ctp.common.text import listed, within_a_sentence
from stroke_ctp.model.registry import name_apart, name_in_text
from stroke_ctp.reporting.model_text import endpoint_text
from stroke_ctp.reporting.number_text import estimate_text, number_text
from stroke_ctp.reporting.tables.stress import TITLES, level_text
from stroke_ctp.robustness.axes import AXES, REFERENCE
from stroke_ctp.robustness.curves import CONVENTIONAL, Point, StressResults
from stroke_ctp.robustness.declines import DeclinedScans

AHEAD = 0.02
"""Difference of the AUC by which a conventional core must not be ahead within the range of training."""
_FALL = 0.05
"""Fall of the AUC that is worth a warning."""
_SHOWN = 4
"""Levels that are named in a sentence."""
_OFTEN = 0.05
"""Share of patients who cannot be measured that is worth a warning."""


def stress_paragraph(results: StressResults) -> list[str]:
    """The main findings, a sentence each."""
    sentences = [_patients(results), _good_scans(results), *(_falls(results, model) for model in results.models)]
    sentences += [_rivals(results, model) for model in results.models if model not in CONVENTIONAL]
    sentences += [_not_measured(results), _calibration(results), *map(_declining, results.declines)]
    return [sentence for sentence in sentences if sentence]


def _patients(results: StressResults) -> str:
    first, good = results.points[0], REFERENCE
    return (
        f"{first.n} simulated patients, {first.n_large} of them with a large core "
        f"({endpoint_text(results.record.endpoint)}), were scanned well ({good.noise:g} HU of noise, a frame every "
        f"{good.sampling:g} s for {good.duration:g} s, the head at rest) and again with one condition changed, within "
        "or beyond the range that training patients of the perfusion network cover."
    )


def _good_scans(results: StressResults) -> str:
    """AUC of each model in good scans."""
    good = {model: _good(results, model) for model in results.models}
    aucs = [f"{name_apart(model)} {estimate_text(points[0].auc)}" for model, points in good.items() if points]
    meaning = "The AUC is the share of pairs of a large and a small core that a model puts in the right order"
    return f"{meaning}; in good scans (95 % CI): {'; '.join(aucs)}." if aucs else ""


def _falls(results: StressResults, model: str) -> str:
    """By how much stress lowers the AUC of a model, within and beyond the range of training."""
    falls = [(fall, point) for point in _scanned(results, model) if (fall := _fall(results, point)) is not None]
    parts = []
    for is_trained, where in ((True, "within the range of training"), (False, "beyond it")):
        own = sorted((one for one in falls if one[1].is_trained == is_trained), key=lambda one: -one[0])
        many = [point for fall, point in own if fall > _FALL]
        if many:
            there = f" (more than {_FALL:g} at: {_places(many[:_SHOWN])}{_more(many)})"
            parts.append(f"{where} by up to {number_text(own[0][0])}{there}")
        elif own:
            parts.append(f"{where} by at most {number_text(max(own[0][0], 0.0))}")
    return f"Compared with good scans, the AUC of {name_in_text(model)} falls {listed(parts)}." if parts else ""


def _more(points: Sequence[Point]) -> str:
    return f" and {len(points) - _SHOWN} more" if len(points) > _SHOWN else ""


def _rivals(results: StressResults, model: str) -> str:
    """Whether a conventional core is ahead within the range of training; good scans count once."""
    good, others = _good(results, model), [point for point in _scanned(results, model) if point.is_trained]
    compared = [point for point in [*good[:1], *others] if point.difference and point.difference.value is not None]
    if not compared:
        return ""
    behind = sorted((p for p in compared if _difference(p) < -AHEAD), key=_difference)
    where = f"of {len(compared)} conditions within the range of training"
    ahead = f"ahead of {name_in_text(model)} by more than {AHEAD:g} of the AUC"
    if not behind:
        return f"At none {where} is the better conventional core {ahead}."
    shown = "; ".join(f"{_place(p)}: {estimate_text(p.difference)}" for p in behind[:_SHOWN] if p.difference)
    return (
        f"At {len(behind)} {where} the better conventional core is {ahead} (difference, paired 95 % CI): "
        f"{shown}{_more(behind)}."
    )


def _not_measured(results: StressResults) -> str:
    """Where models could not measure patients."""
    parts = []
    for model in results.models:
        own = [point for point in results.points if point.model == model]
        often = [point for point in own if point.not_measured > _OFTEN * point.n]
        if often:
            worst = max(often, key=lambda point: point.not_measured)
            share = f"{100 * worst.not_measured / worst.n:.0f} % at {_place(worst)}"
            parts.append(f"{name_in_text(model)} (up to {share})")
    if not parts:
        return f"At every level all models could measure at least {100 * (1 - _OFTEN):g} % of patients."
    return f"More than {_OFTEN:.0%} of patients could not be measured at some levels by {listed(parts)}.".replace(
        "%", " %", 1
    )


def _calibration(results: StressResults) -> str:
    """Where probabilities are least true."""
    parts = []
    for model in results.models:
        known = [(point.ici, point) for point in results.points if point.model == model and point.ici is not None]
        if known:
            ici, worst = max(known, key=lambda pair: pair[0])
            parts.append(f"{name_in_text(model)} by {number_text(ici)} at {_place(worst)}")
    return f"Probabilities depart most from the observed share of large cores: {'; '.join(parts)}." if parts else ""


def _declining(scans: DeclinedScans) -> str:
    """What declining buys over all scans."""
    after = scans.wrong_answered
    if not scans.declined.any() or after is None:
        return ""
    return (
        f"Of all scans, {name_in_text(scans.model)} declines {scans.declined.mean():.0%} as not assessable; the share "
        f"of wrong answers is then {after:.0%} instead of {scans.wrong.mean():.0%}."
    ).replace("%", " %")


def _scanned(results: StressResults, model: str) -> list[Point]:
    """Points of a model along the axes of scans, good scans left out."""
    return [p for p in results.points if p.model == model and p.axis in AXES and not _is_good(p)]


def _good(results: StressResults, model: str) -> list[Point]:
    """Points of a model that are good scans, one for each axis."""
    return [point for point in results.points if point.model == model and _is_good(point)]


def _is_good(point: Point) -> bool:
    return point.axis in AXES and point.level == AXES[point.axis].reference


def _fall(results: StressResults, point: Point) -> float | None:
    good = _good(results, point.model)[0].auc.value
    return None if good is None or point.auc.value is None else good - point.auc.value


def _difference(point: Point) -> float:
    assert point.difference is not None
    assert point.difference.value is not None
    return point.difference.value


def _places(points: Sequence[Point]) -> str:
    return "; ".join(_place(point) for point in points)


def _place(point: Point) -> str:
    if _is_good(point):
        return "good scans"
    title = TITLES[point.axis]
    return f"{within_a_sentence(title)} {level_text(point)}"
