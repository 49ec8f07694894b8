"""Figures of the probabilities: calibration, decision curve, probability against core volume."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stroke_ctp.reporting.calls import called, uncalled
from stroke_ctp.reporting.discrimination import arrays, scored
from stroke_ctp.reporting.figures.style import BLUE, COLUMN, GREY, ORANGE, VERMILION, Picture, figure, legend_above
from stroke_ctp.statistics.calibration import reliability_curve
from stroke_ctp.statistics.decision import net_benefit
from stroke_ctp.study.predictions import Ablation

_COLORS, _MARKERS = (BLUE, ORANGE), "os"


def calibration(main: Ablation) -> Picture:
    """Observed share of large cores against predicted probability."""
    with figure() as drawn:
        axes = drawn.add_subplot()
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=(0, (4, 3)), label="Ideal")
        for (cohort, predictions), color, marker in zip(scored(main), _COLORS, _MARKERS, strict=False):
            points = reliability_curve(*arrays(predictions))
            error = np.abs(points[["low", "high"]].to_numpy().T - points["observed"].to_numpy())
            axes.errorbar(
                points["predicted"], points["observed"], error, color=color, marker=marker, markersize=4,
                linewidth=1.2, elinewidth=0.7, capsize=2, label=cohort,
            )  # fmt: skip
            axes.plot(predictions["probability"], np.full(len(predictions), -0.03 - 0.025 * (marker == "s")), "|",
                      color=color, markersize=4, alpha=0.5)  # fmt: skip
        axes.set(xlabel="Predicted probability of a large core", ylabel="Observed share of large cores")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.08, 1.02), aspect="equal")
        axes.legend(loc="upper left")
    caption = (
        "Share of large cores among patients with similar probabilities, with Wilson's 95 % confidence "
        "intervals; ticks at the bottom are the patients. Dashed: ideal."
    )
    return Picture("calibration", "Calibration", caption, drawn)


def decision(main: Ablation) -> Picture:
    """Net benefit against the threshold probability."""
    with _side_by_side(main) as (drawn, panels):
        for axes, predictions in panels:
            curve = net_benefit(*arrays(predictions)).set_index("threshold")
            axes.plot(curve["model"], color=BLUE, linewidth=1.6, label="Treat by the model")
            axes.plot(curve["treat_all"], color=ORANGE, linestyle=(0, (5, 1.5)), label="Treat all")
            axes.plot(curve["treat_none"], color="black", linewidth=0.8, label="Treat none")
            axes.set_xlabel("Threshold probability")
        top = max(float(predictions["label"].mean()) for _, predictions in panels)
        panels[0][0].set(ylabel="Net benefit per patient", xlim=(0, 1), ylim=(-0.25 * top - 0.05, top * 1.05 + 0.02))
    caption = (
        "Net benefit per patient of treating those whose probability of a large core reaches the threshold, against "
        "treating all and treating none. The threshold says how many needless treatments one missed large core "
        "outweighs: at 0.2, four."
    )
    return Picture("decision_curve", "Decision curve", caption, drawn)


def against_volume(main: Ablation) -> Picture:
    """Probability of a large core against core volume, errors marked."""
    calls, threshold = called(main, None), float(main.settings["endpoint"]["threshold"])
    with _side_by_side(main) as (drawn, panels):
        for axes, predictions in panels:
            _scatter(axes, calls[calls["split"] == predictions["split"].iloc[0]], threshold)
            axes.set(xlabel="Core volume [mL]", xlim=(-0.5, max(100.0, float(calls["core_ml"].max()) * 1.15)))
        panels[0][0].set_ylabel("Probability of a large core")
    caption = (
        f"Probability of a large core against core volume; vertical line: {threshold:.4g} mL, above which a core is "
        "large. Crosses: patients on the wrong side at the frozen threshold of Youden's point, which every test fold "
        f"has of its own.{uncalled(calls)}"
    )
    return Picture("core_volume", "Probability against core volume", caption, drawn)


@contextmanager
def _side_by_side(main: Ablation) -> Iterator[tuple[Figure, list[tuple[Axes, pd.DataFrame]]]]:
    """A figure with axes for the predictions of each cohort, under one legend of what is drawn on the first."""
    cohorts = list(scored(main))
    with figure(COLUMN * len(cohorts), COLUMN * 0.85) as drawn:
        grid = drawn.subplots(1, len(cohorts), squeeze=False, sharex=True, sharey=True)[0]
        for axes, (name, _) in zip(grid, cohorts, strict=True):
            axes.set_title(name)
        yield drawn, [(axes, rows) for axes, (_, rows) in zip(grid, cohorts, strict=True)]
        legend_above(drawn, grid[0])


def _scatter(axes: Axes, rows: pd.DataFrame, threshold: float) -> None:
    right = rows["large"] == (rows["label"] == 1)
    axes.plot(*_points(rows[right.fillna(False)]), "o", color=BLUE, markersize=3, alpha=0.75, label="Called rightly")
    axes.plot(*_points(rows[~right.fillna(True)]), "X", color=VERMILION, markersize=4.5, label="Called wrongly")
    if right.isna().any():
        axes.plot(*_points(rows[right.isna()]), "o", color=GREY, markersize=3, fillstyle="none", label="Not called")
    axes.axvline(threshold, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    # Volumes spread over decades, and may be 0.
    axes.set_xscale("symlog", linthresh=10, linscale=0.7)
    axes.set_xticks([0, 5, 10, 30, 100, 300], labels=["0", "5", "10", "30", "100", "300"])
    axes.minorticks_off()
    axes.set_ylim(-0.03, 1.03)


def _points(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return rows["core_ml"], rows["probability"]
