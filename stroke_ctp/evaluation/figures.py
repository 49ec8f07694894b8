"""ROC figures for a journal column: colour-blind safe, readable in greyscale, the same bytes every time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stroke_ctp.evaluation.auc import AUC, Summary
from stroke_ctp.evaluation.curves import GRID, Curve, curve, fold_curves, mean_curve
from stroke_ctp.files import whole

_SIDE = 90 / 25.4  # a journal's column of 90 mm [inch]
_BLUE, _SKY = "#0072B2", "#56B4E9"  # Okabe and Ito's palette, safe for colour-blind readers
_MAIN: dict[str, Any] = {"color": _BLUE, "linewidth": 1.8, "zorder": 3}
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,  # text that a journal can edit
}


def draw_folds(path: Path, folds: pd.DataFrame, summary: Summary, provenance: str, warning: str) -> None:
    """Figure 3: ROC of each test fold that has both classes, their mean and ±1 SD.

    Args:
        path: PNG or PDF.
        folds: Predictions, as in `Ablation.folds`.
        summary: AUC over the test folds, for the legend.
        provenance: What the numbers come from, kept in the file's metadata.
        warning: Stands above the plot; may be empty.
    """
    curves = fold_curves(folds, "test")
    average = mean_curve(curves)

    def draw(axes: Axes) -> None:
        spread = "" if summary.sd is None else f" (SD {summary.sd:.2f})"
        axes.plot(GRID, average.mean, **_MAIN, label=f"Mean, AUC {summary.mean:.2f}{spread}")
        if summary.sd is not None:
            low, high = (average.mean - average.sd).clip(0, 1), (average.mean + average.sd).clip(0, 1)
            axes.fill_between(GRID, low, high, color="0.9", linewidth=0, label="±1 SD", zorder=0)
        _plot_thin(axes, curves, "Test folds")

    _save(path, draw, provenance, warning)


def draw_external(path: Path, external: pd.DataFrame, auc: AUC, provenance: str, warning: str) -> None:
    """ROC of the ensemble on the external cohort, over those of its members; arguments as in `draw_folds`."""
    is_mean = external["fold"] == "mean"
    members = [curve(rows) for _, rows in external[~is_mean].groupby("fold")]
    ensemble: Curve = curve(external[is_mean])

    def draw(axes: Axes) -> None:
        axes.plot(*ensemble, **_MAIN, label=f"Ensemble, AUC {auc.value:.2f}")
        _plot_thin(axes, members, "Members")

    _save(path, draw, provenance, warning)


def _plot_thin(axes: Axes, curves: Sequence[Curve], label: str) -> None:
    """Curves behind the main one, translucent: with few patients many run along the same lines."""
    for number, one in enumerate(curves):
        axes.plot(*one, color=_SKY, alpha=0.45, linewidth=0.9, label=None if number else label, zorder=1)


def _save(path: Path, draw: Callable[[Axes], None], provenance: str, warning: str) -> None:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_SIDE, _SIDE), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        draw(axes)
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=(0, (4, 3)), label="Chance", zorder=2)
        axes.set(xlabel="1 − specificity", ylabel="Sensitivity", aspect="equal")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.set_title(warning, fontsize=7, fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", handlelength=1.8)
        # A date would make every file another one.
        pdf = {"Subject": provenance, "CreationDate": None}
        metadata = pdf if path.suffix == ".pdf" else {"Description": provenance}
        with whole(path) as partial:
            figure.savefig(partial, dpi=300, metadata=metadata)
