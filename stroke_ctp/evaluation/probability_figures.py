"""Figures of the probabilities: calibration, decision curve, probability against core volume."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stroke_ctp.evaluation.calibration import reliability_curve
from stroke_ctp.evaluation.calls import called
from stroke_ctp.evaluation.decision import net_benefit
from stroke_ctp.evaluation.discrimination import arrays, scored
from stroke_ctp.evaluation.predictions import Ablation
from stroke_ctp.evaluation.style import BLUE, COLUMN, ORANGE, PAGE, VERMILION, Picture, figure

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
    cohorts = list(scored(main))
    with figure(COLUMN * len(cohorts), COLUMN * 0.85) as drawn:
        for axes, (cohort, predictions) in zip(drawn.subplots(1, len(cohorts), squeeze=False)[0], cohorts, strict=True):
            curve = net_benefit(*arrays(predictions)).set_index("threshold")
            axes.plot(curve["model"], color=BLUE, linewidth=1.6, label="Model")
            axes.plot(curve["treat_all"], color=ORANGE, linestyle=(0, (5, 1.5)), label="Treat all")
            axes.plot(curve["treat_none"], color="black", linewidth=0.8, label="Treat none")
            top = float(predictions["label"].mean())
            axes.set(xlabel="Threshold probability", ylabel="Net benefit", title=cohort)
            axes.set(xlim=(0, 1), ylim=(-0.25 * top - 0.05, top * 1.15 + 0.02))
            axes.legend(loc="upper right")
    caption = (
        "Net benefit per patient of treating those whose probability of a large core reaches the "
        "threshold, against treating all and treating none."
    )
    return Picture("decision_curve", "Decision curve", caption, drawn)


def against_volume(main: Ablation) -> Picture:
    """Probability of a large core against core volume, errors marked."""
    calls, threshold = called(main, None), float(main.settings["endpoint"]["threshold"])
    cohorts = [(name, calls[calls["split"] == rows["split"].iloc[0]]) for name, rows in scored(main)]
    with figure(PAGE if len(cohorts) > 1 else COLUMN, COLUMN * 0.85) as drawn:
        grid = drawn.subplots(1, len(cohorts), squeeze=False, sharey=True)[0]
        for axes, (name, rows) in zip(grid, cohorts, strict=True):
            _scatter(axes, rows, threshold)
            axes.set(title=name, xlabel="Core volume [mL]")
        grid[0].set_ylabel("Probability of a large core")
        drawn.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    caption = (
        f"Probability of a large core against core volume; vertical line: {threshold:.4g} mL, above which a core is "
        "large. Crosses: patients on the wrong side at the frozen threshold of Youden's point."
    )
    return Picture("core_volume", "Probability against core volume", caption, drawn)


def _scatter(axes: Axes, rows: pd.DataFrame, threshold: float) -> None:
    right = rows["large"] == (rows["label"] == 1)
    axes.plot(*_points(rows[right]), "o", color=BLUE, markersize=3, alpha=0.75, label="Right", linestyle="none")
    axes.plot(*_points(rows[~right]), "X", color=VERMILION, markersize=4.5, label="Wrong", linestyle="none")
    axes.axvline(threshold, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    # Volumes spread over decades, and may be 0.
    axes.set_xscale("symlog", linthresh=10, linscale=0.7)
    axes.set_xticks([0, 5, 10, 30, 100, 300], labels=["0", "5", "10", "30", "100", "300"])
    axes.minorticks_off()
    axes.set(xlim=(-0.5, max(100.0, float(rows["core_ml"].max()) * 1.15)), ylim=(-0.03, 1.03))


def _points(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return rows["core_ml"], rows["probability"]
