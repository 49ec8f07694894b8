"""ROC figures: test folds (the article's Figure 3), models against each other, external cohort, AUC fold by fold."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stroke_ctp.reporting.article import model_name
from stroke_ctp.reporting.discrimination import arrays
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
from stroke_ctp.statistics.auc import fold_aucs, summarize
from stroke_ctp.statistics.curves import GRID, Curve, curve, fold_curves, mean_curve
from stroke_ctp.statistics.delong import auc_estimate, one_class
from stroke_ctp.statistics.estimate import number_text
from stroke_ctp.statistics.resampling import roc_band
from stroke_ctp.study.predictions import Ablation, Study

_MAIN: dict[str, Any] = {"color": BLUE, "linewidth": 1.8, "zorder": 3}


def cross_validation(ablation: Ablation) -> Picture | None:
    """Figure 3: ROC of each test fold that has both classes, their mean and ±1 SD; None if no fold has both."""
    curves = fold_curves(ablation.folds, "test")
    summary = summarize(fold_aucs(ablation.folds, "test", ablation.n_folds))
    if summary.mean is None:
        return None
    average = mean_curve(curves)
    spread = "" if summary.sd is None else f" (SD {number_text(summary.sd)})"
    text = f"AUC {number_text(summary.mean)}{spread}"
    with figure() as drawn:
        axes = _roc_axes(drawn)
        axes.plot(GRID, average.mean, **_MAIN, label=f"Mean, {text}")
        if summary.sd is not None:
            low, high = (average.mean - average.sd).clip(0, 1), (average.mean + average.sd).clip(0, 1)
            axes.fill_between(GRID, low, high, color="0.9", linewidth=0, label="±1 SD", zorder=0)
        _plot_thin(axes, curves, "Test folds")
        axes.legend(loc="lower right")
    caption = (
        f"ROC curves of the {model_name(ablation.name)} model in {len(curves)} test folds, their mean, {text}, and ±1 "
        "standard deviation between folds, which is no confidence interval. Dashed: chance."
    )
    return Picture("figure3", "Figure 3. ROC of the test folds", caption, drawn)


def models(named: Mapping[str, Ablation]) -> Picture | None:
    """ROC of every model, by its name, on the pooled test folds; None if no model has both classes."""
    shown = {name: one for name, one in named.items() if not one_class(arrays(one.test)[0])}
    if not shown:
        return None
    texts = []
    with figure() as drawn:
        axes = _roc_axes(drawn)
        for number, (name, ablation) in enumerate(shown.items()):
            texts.append(f"{name} {auc_estimate(*arrays(ablation.test)).text()}")
            look: dict[str, Any] = {"color": SERIES[number % len(SERIES)], "linestyle": DASHES[number % len(DASHES)]}
            axes.plot(*curve(ablation.test), **look, linewidth=1.3, zorder=3, label=texts[-1])
        axes.legend(loc="lower right")
    caption = "ROC of every model on the pooled test folds, with AUC and DeLong's 95 % confidence interval: "
    return Picture("roc_models", "ROC of all models", f"{caption}{'; '.join(texts)}.", drawn)


def external(ablation: Ablation) -> Picture | None:
    """ROC of the ensemble with its band, over its members; None without an external cohort of both classes."""
    ensemble = ablation.ensemble
    if ensemble is None or ablation.external is None or one_class(arrays(ensemble)[0]):
        return None
    members = [curve(rows) for fold, rows in ablation.external.groupby("fold") if fold != "mean"]
    low, high = roc_band(*arrays(ensemble), GRID)
    text = auc_estimate(*arrays(ensemble)).text()
    with figure() as drawn:
        axes = _roc_axes(drawn)
        axes.fill_between(GRID, low, high, color="0.9", linewidth=0, label="95 % band", zorder=0)
        axes.plot(*curve(ensemble), **_MAIN, label=f"Ensemble, AUC {text}")
        _plot_thin(axes, members, "Members")
        axes.legend(loc="lower right")
    caption = (
        f"ROC of the ensemble mean in {len(ensemble)} external patients, AUC {text}, with its pointwise 95 % bootstrap "
        f"band, and of its {len(members)} members."
    )
    return Picture("external", "ROC on the external cohort", caption, drawn)


def fold_by_fold(study: Study) -> Picture:
    """AUC of every test fold, models side by side, and their means."""
    n_models, n_folds = len(study.ablations), study.main.n_folds
    with figure(PAGE, COLUMN * 0.8) as drawn:
        axes = drawn.add_subplot()
        for number, ablation in enumerate(study.ablations.values()):
            aucs = fold_aucs(ablation.folds, "test", n_folds)
            points = [(fold, auc.value) for fold, auc in enumerate(aucs) if auc.value is not None]
            offset = 0.12 * (number - (n_models - 1) / 2)
            color, mean = SERIES[number % len(SERIES)], summarize(aucs).mean
            label = model_name(ablation.name) + ("" if mean is None else f", mean {number_text(mean)}")
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


def _plot_thin(axes: Axes, curves: Sequence[Curve], label: str) -> None:
    """Curves behind the main one, translucent: with few patients many run along the same lines."""
    for number, one in enumerate(curves):
        axes.plot(*one, color=SKY, alpha=0.45, linewidth=0.9, label=None if number else label, zorder=1)
