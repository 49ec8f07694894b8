"""ROC figures: test folds (the article's Figure 3), all models, external cohort, and AUC fold by fold."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stroke_ctp.common.text import counted
from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.figures.style import (
    BLUE,
    COLUMN,
    DASHES,
    GREY,
    PAGE,
    SERIES,
    SKY,
    Picture,
    figure,
    legend_above,
)
from stroke_ctp.reporting.number_text import estimate_text, number_text
from stroke_ctp.reporting.results.model_aucs import CohortAuc, ModelAucs
from stroke_ctp.reporting.results.study_results import EnsembleCurves
from stroke_ctp.statistics.roc_curves import GRID, RocCurve

_MAIN: dict[str, Any] = {"color": BLUE, "linewidth": 1.8, "zorder": 3}


def cross_validation(model: ModelAucs) -> Picture | None:
    """Figure 3: ROC of each test fold that has both classes, their mean and ±1 SD; None if no fold has both."""
    folds, average = model.test_folds, model.test_folds.mean_curve
    if average is None or folds.summary.mean is None:
        return None
    sd = folds.summary.sd
    spread = "" if sd is None else f", SD {number_text(sd)}"
    text = f"AUC {estimate_text(folds.interval)}"
    seeds = f", each the mean of {len(folds.by_seed)} seeds" if len(folds.by_seed) > 1 else ""
    with figure() as drawn:
        axes = _roc_axes(drawn)
        axes.plot(GRID, average.mean, **_MAIN, label=f"Mean, {text}")
        if sd is not None:
            low, high = (average.mean - average.sd).clip(0, 1), (average.mean + average.sd).clip(0, 1)
            axes.fill_between(GRID, low, high, color="0.9", linewidth=0, label="±1 SD", zorder=0)
        _plot_thin(axes, folds.curves, "Test folds")
        axes.legend(loc="lower right")
    caption = (
        f"ROC curves of the {display_name(model.predictions.name)} model in "
        f"{counted(len(folds.curves), 'test fold')}{seeds}, their mean, {text}, 95 % by the corrected resampled t "
        f"interval{spread}, and ±1 standard deviation between folds, which is not a confidence interval. "
        "Dashed: chance."
    )
    return Picture("figure3", "Figure 3. ROC of the test folds", caption, drawn)


def models(named: Mapping[str, ModelAucs]) -> Picture | None:
    """Mean ROC of every model, by its name, over the test folds; None if no model has a fold of both classes."""
    shown = {name: one.test_folds for name, one in named.items() if one.test_folds.mean_curve is not None}
    if not shown:
        return None
    texts = []
    with figure() as drawn:
        axes = _roc_axes(drawn)
        for number, (name, folds) in enumerate(shown.items()):
            assert folds.mean_curve is not None
            texts.append(f"{name} {estimate_text(folds.interval)}")
            look: dict[str, Any] = {"color": SERIES[number % len(SERIES)], "linestyle": DASHES[number % len(DASHES)]}
            axes.plot(GRID, folds.mean_curve.mean, **look, linewidth=1.3, zorder=3, label=texts[-1])
        axes.legend(loc="lower right")
    caption = "Mean ROC of every model over the test folds, with mean AUC and corrected resampled t interval (95 %): "
    return Picture("roc_models", "ROC of all models", f"{caption}{'; '.join(texts)}.", drawn)


def external(ensemble: CohortAuc, curves: EnsembleCurves) -> Picture:
    """ROC of the ensemble on the external cohort with its band, and of the ensemble's members.

    Args:
        ensemble: The ensemble's AUC and curve.
        curves: The members' curves and the band.
    """
    assert ensemble.curve is not None
    text = estimate_text(ensemble.delong)
    with figure() as drawn:
        axes = _roc_axes(drawn)
        axes.fill_between(
            GRID, curves.band_low, curves.band_high, color="0.9", linewidth=0, label="95 % band", zorder=0
        )
        _plot(axes, ensemble.curve, **_MAIN, label=f"Ensemble, AUC {text}")
        _plot_thin(axes, curves.members, "Members")
        axes.legend(loc="lower right")
    caption = (
        f"ROC of the ensemble mean in {counted(len(ensemble.patients), 'external patient')}, AUC {text}, with its "
        f"pointwise 95 % bootstrap band, and of its {counted(len(curves.members), 'member')}."
    )
    return Picture("external", "ROC on the external cohort", caption, drawn)


def fold_by_fold(named: Mapping[str, ModelAucs]) -> Picture:
    """AUC of every test fold, models side by side, and their means."""
    n_models, n_folds = len(named), max(len(model.test_folds.aucs) for model in named.values())
    with figure(PAGE, COLUMN * 0.8) as drawn:
        axes = drawn.add_subplot()
        for number, (name, model) in enumerate(named.items()):
            points = [(fold, auc.value) for fold, auc in enumerate(model.test_folds.aucs) if auc.value is not None]
            offset = 0.12 * (number - (n_models - 1) / 2)
            color, mean = SERIES[number % len(SERIES)], model.test_folds.summary.mean
            label = name + ("" if mean is None else f", mean {number_text(mean)}")
            marker = "osD^vPX"[number % 7]
            x, y = [fold + offset for fold, _ in points], [auc for _, auc in points]
            axes.plot(x, y, marker, color=color, markersize=4.5, label=label, zorder=3)
            if mean is not None:
                axes.axhline(mean, color=color, linewidth=0.9, linestyle=DASHES[number % len(DASHES)])
        axes.axhline(0.5, color=GREY, linewidth=0.6)
        axes.set(xlabel="Test fold", ylabel="ROC-AUC", ylim=(-0.02, 1.03), xticks=range(n_folds))
        legend_above(drawn, axes)
    caption = "ROC-AUC of every model in every test fold (points) and its mean over folds (lines); grey: chance."
    return Picture("folds", "AUC fold by fold", caption, drawn)


def _roc_axes(drawn: Figure) -> Axes:
    axes = drawn.add_subplot()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=(0, (4, 3)), zorder=2)
    axes.set(xlabel="1 − specificity", ylabel="Sensitivity", aspect="equal")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return axes


def _plot(axes: Axes, curve: RocCurve, **look: Any) -> None:
    axes.plot(curve.false_positive_rate, curve.true_positive_rate, **look)


def _plot_thin(axes: Axes, curves: Sequence[RocCurve], label: str) -> None:
    """Curves behind the main one, translucent because many overlap if there are few patients."""
    for number, one in enumerate(curves):
        _plot(axes, one, color=SKY, alpha=0.45, linewidth=0.9, label=None if number else label, zorder=1)
