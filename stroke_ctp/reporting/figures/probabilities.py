"""Figures of the probabilities: calibration, decision curve, probability against core volume."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stroke_ctp.reporting.figures.style import BLUE, COLUMN, GREY, ORANGE, VERMILION, Picture, figure, legend_above
from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.operating_points import OperatingPoint, PredictedClasses
from stroke_ctp.reporting.results.scored_patients import Split
from stroke_ctp.reporting.results.study_results import CohortResults
from stroke_ctp.reporting.tables.operating_points import unclassified_sentence

_COLORS, _MARKERS = (BLUE, ORANGE), "os"


def calibration(cohorts: Sequence[CohortResults]) -> Picture:
    """Observed share of large cores against predicted probability."""
    with figure() as drawn:
        axes = drawn.add_subplot()
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=(0, (4, 3)), label="Ideal")
        for cohort, color, marker in zip(cohorts, _COLORS, _MARKERS, strict=False):
            predicted = [group.predicted for group in cohort.reliability]
            shares = [(group.observed.value, group.observed.low, group.observed.high) for group in cohort.reliability]
            observed, *interval = np.array(shares, float).T
            error = np.abs(np.array(interval) - observed)
            axes.errorbar(
                predicted, observed, error, color=color, marker=marker, markersize=4,
                linewidth=1.2, elinewidth=0.7, capsize=2, label=COHORT_NAMES[cohort.patients.split],
            )  # fmt: skip
            scores = cohort.patients.scores
            axes.plot(scores, np.full(len(scores), -0.03 - 0.025 * (marker == "s")), "|",
                      color=color, markersize=4, alpha=0.5)  # fmt: skip
        axes.set(xlabel="Predicted probability of a large core", ylabel="Observed share of large cores")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.08, 1.02), aspect="equal")
        axes.legend(loc="upper left")
    caption = (
        "Share of large cores among patients with similar probabilities, with Wilson's 95 % confidence "
        "intervals; ticks at the bottom are the patients. Dashed: ideal."
    )
    return Picture("calibration", "Calibration", caption, drawn)


def decision(cohorts: Sequence[CohortResults]) -> Picture:
    """Net benefit against the threshold probability."""
    with _side_by_side([cohort.patients.split for cohort in cohorts]) as (drawn, panels):
        for axes, cohort in zip(panels, cohorts, strict=True):
            curve = cohort.decision
            axes.plot(curve.threshold, curve.model, color=BLUE, linewidth=1.6, label="Treat by the model")
            axes.plot(curve.threshold, curve.treat_all, color=ORANGE, linestyle=(0, (5, 1.5)), label="Treat all")
            axes.plot(curve.threshold, curve.treat_none, color="black", linewidth=0.8, label="Treat none")
            axes.set_xlabel("Threshold probability")
        top = max(cohort.decision.share_large for cohort in cohorts)
        panels[0].set(ylabel="Net benefit per patient", xlim=(0, 1), ylim=(-0.25 * top - 0.05, top * 1.05 + 0.02))
    caption = (
        "Net benefit per patient of treating those whose probability of a large core reaches the threshold, compared "
        "with treating all and treating none. The threshold states how many unnecessary treatments are as bad as one "
        "missed large core: four at a threshold of 0.2."
    )
    return Picture("decision_curve", "Decision curve", caption, drawn)


def against_volume(youden: OperatingPoint, threshold_ml: float) -> Picture:
    """Probability of a large core against core volume, with misclassified patients marked.

    Args:
        youden: Predicted classes at Youden's point.
        threshold_ml: Core volume above which a core is large [mL].
    """
    largest = max(float(np.nanmax(classes.patients.core_ml, initial=0.0)) for classes in youden.classes)
    with _side_by_side([classes.patients.split for classes in youden.classes]) as (drawn, panels):
        for axes, classes in zip(panels, youden.classes, strict=True):
            _scatter(axes, classes, threshold_ml)
            axes.set(xlabel="Core volume [mL]", xlim=(-0.5, max(100.0, largest * 1.15)))
        panels[0].set_ylabel("Probability of a large core")
    caption = (
        f"Probability of a large core against core volume; vertical line: {threshold_ml:.4g} mL, above which a core "
        "is large. Crosses: patients with a wrong call at the fixed threshold of Youden's point, which differs between "
        f"test folds.{unclassified_sentence(youden)}"
    )
    return Picture("core_volume", "Probability against core volume", caption, drawn)


@contextmanager
def _side_by_side(splits: Sequence[Split]) -> Iterator[tuple[Figure, Sequence[Axes]]]:
    """A figure with axes for each cohort, and one legend of what is drawn on the first."""
    with figure(COLUMN * len(splits), COLUMN * 0.85) as drawn:
        panels = drawn.subplots(1, len(splits), squeeze=False, sharex=True, sharey=True)[0]
        for axes, split in zip(panels, splits, strict=True):
            axes.set_title(COHORT_NAMES[split])
        yield drawn, list(panels)
        legend_above(drawn, panels[0])


def _scatter(axes: Axes, classes: PredictedClasses, threshold_ml: float) -> None:
    def plot(rows: Bool[np.ndarray, " patient"], marker: str, label: str, **look: Any) -> None:
        axes.plot(classes.patients.core_ml[rows], classes.patients.scores[rows], marker, label=label, **look)

    plot(classes.classified & ~classes.wrong, "o", "Called rightly", color=BLUE, markersize=3, alpha=0.75)
    plot(classes.wrong, "X", "Called wrongly", color=VERMILION, markersize=4.5)
    if not classes.classified.all():
        plot(~classes.classified, "o", "Not called", color=GREY, markersize=3, fillstyle="none")
    axes.axvline(threshold_ml, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xscale("symlog", linthresh=10, linscale=0.7)  # volumes span decades, and may be 0
    axes.set_xticks([0, 5, 10, 30, 100, 300], labels=["0", "5", "10", "30", "100", "300"])
    axes.minorticks_off()
    axes.set_ylim(-0.03, 1.03)
