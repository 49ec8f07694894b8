"""Stress curves: one panel for each axis."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes

from stroke_ctp.model.registry import name_apart
from stroke_ctp.reporting.figures.style import DASHES, GREY, PAGE, SERIES, Picture, figure
from stroke_ctp.robustness.axes import AXES, LABEL, PREVALENCE
from stroke_ctp.robustness.curves import Point, StressResults
from stroke_ctp.robustness.stress_patient import TRUTHS

_COLUMNS = 3
_PANEL_INCH = 1.75
_MANY = 0.1
"""Share of patients who cannot be measured, above which a point is hollow."""
_CAPTION = (
    "AUC with its 95 % interval (DeLong) of each model on the same simulated patients, while one condition of the scan "
    "departs from a good one. Grey: outside the range of the perfusion network's training patients. Hollow: more than "
    "10 % of patients cannot be measured, and have the score of the model's median patient. The prevalence changes no "
    "AUC, but the calibration error (ICI), the mean distance between predicted and observed share of large cores."
)


def stress_picture(results: StressResults) -> Picture:
    """Small multiples of all axes that were tried."""
    axes = list(dict.fromkeys(point.axis for point in results.points))
    rows = ceil(len(axes) / _COLUMNS)
    with figure(PAGE, max(_PANEL_INCH * rows + 0.5, 2.6)) as drawn:
        panels = drawn.subplots(rows, min(_COLUMNS, len(axes)), squeeze=False).ravel()
        for panel, axis in zip(panels, axes, strict=False):
            _panel(panel, results, axis)
        for panel in panels[len(axes) :]:
            panel.set_axis_off()
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    return Picture("stress_curves", "Stress curves", _CAPTION, drawn)


def _panel(panel: Axes, results: StressResults, axis: str) -> None:
    """All models along one axis."""
    for number, model in enumerate(results.models):
        points = results.curve(axis, model)
        colour, dashes = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
        x = np.array([point.level for point in points])
        if axis == LABEL:
            x = x + 0.12 * (number - (len(results.models) - 1) / 2)
        y, low, high = _values(points, axis)
        if axis == LABEL:
            panel.vlines(x, low, high, color=colour, linewidth=0.8)
        else:
            panel.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
            panel.plot(x, y, color=colour, linestyle=dashes, linewidth=1)
        many = np.array([point.not_measured > _MANY * point.n for point in points])
        for hollow in (False, True):
            chosen, face = many == hollow, "white" if hollow else colour
            panel.plot(x[chosen], y[chosen], "o", color=colour, markerfacecolor=face, markersize=3)
        panel.plot([], [], "o", color=colour, linestyle=dashes, linewidth=1, markersize=3, label=name_apart(model))
    _finish(panel, results.curve(axis, results.models[0]), axis)


def _values(points: Sequence[Point], axis: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is shown of each point, and its interval; NaN where it is undefined."""
    if axis == PREVALENCE:
        ici = np.array([point.ici for point in points], float)
        return ici, ici, ici
    aucs = [point.auc for point in points]
    y, low, high = np.array([(auc.value, auc.low, auc.high) for auc in aucs], float).T
    return y, low, high


def _finish(panel: Axes, points: Sequence[Point], axis: str) -> None:
    """Axes, title and the range of training."""
    if axis == PREVALENCE:
        panel.set(title="Prevalence of large cores", xlabel="share of large cores", ylabel="ICI", ylim=(0, None))
        return
    panel.set(ylabel="AUC", ylim=(0.4, 1.02))
    if axis == LABEL:
        panel.set(title="Definition of the label")
        panel.set_xticks([point.level for point in points], TRUTHS)
        panel.tick_params("x", labelsize=7)
        return
    panel.set(title=AXES[axis].title, xlabel=AXES[axis].unit)
    panel.margins(x=0.03)
    (low, high), trained = panel.get_xlim(), AXES[axis].trained
    if points[0].level < trained[0]:
        panel.axvspan(low, trained[0], color=GREY, alpha=0.15, linewidth=0)
    if points[-1].level > trained[1]:
        panel.axvspan(trained[1], high, color=GREY, alpha=0.15, linewidth=0)
    panel.set_xlim(low, high)
