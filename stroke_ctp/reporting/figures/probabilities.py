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
from stroke_ctp.reporting.results.scored_patients import ScoredPatients, Split
from stroke_ctp.reporting.results.study_results import CohortResults
from stroke_ctp.reporting.tables.operating_points import unclassified_sentence
from stroke_ctp.statistics.decision_curve import THRESHOLDS
from stroke_ctp.statistics.smooth_calibration import SmoothCalibration


def calibration(cohorts: Sequence[CohortResults], curves: Sequence[SmoothCalibration | None]) -> Picture:
    """Smooth observed share of large cores against predicted probability, above the probabilities of both classes."""
    with figure(COLUMN * len(cohorts), COLUMN * 1.15) as drawn:
        panels = drawn.subplots(2, len(cohorts), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1))
        for (above, below), cohort, curve in zip(panels.T, cohorts, curves, strict=True):
            above.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=(0, (4, 3)), label="Ideal")
            if curve is not None:
                above.fill_between(curve.predicted, curve.low, curve.high, color="0.9", linewidth=0, label="95 % band")
                above.plot(curve.predicted, curve.observed, color=BLUE, linewidth=1.6, label="Observed")
            above.set(title=COHORT_NAMES[cohort.patients.split], xlim=(0, 1), ylim=(-0.02, 1.02))
            _histogram(below, cohort.patients)
            below.set_xlabel("Predicted probability of a large core")
        panels[0, 0].set_ylabel("Observed share of large cores")
        panels[1, 0].set_ylabel("Patients")
        legend_above(drawn, panels[0, 0])
    caption = (
        "Share of large cores as a smooth function of the predicted probability (local regression), with the pointwise "
        "95 % band of bootstrap samples. Below: patients by probability, large cores upwards, small ones downwards. "
        "Dashed: ideal. No curve: patients or different probabilities are too few to smooth."
    )
    return Picture("calibration", "Calibration", caption, drawn)


def decision(cohorts: Sequence[CohortResults]) -> Picture:
    """Net benefit against the threshold probability."""
    with _side_by_side([cohort.patients.split for cohort in cohorts]) as (drawn, panels):
        for axes, cohort in zip(panels, cohorts, strict=True):
            curve = cohort.decision
            axes.plot(curve.threshold, curve.model, color=BLUE, linewidth=1.6, label="Call large by the model")
            axes.plot(curve.threshold, curve.call_all, color=ORANGE, linestyle=(0, (5, 1.5)), label="Call all large")
            axes.plot(curve.threshold, curve.call_none, color="black", linewidth=0.8, label="Call none large")
            axes.set_xlabel("Threshold probability")
        top = max(cohort.decision.share_large for cohort in cohorts)
        panels[0].set(ylabel="Net benefit per patient", xlim=(0, 1), ylim=(-0.25 * top - 0.05, top * 1.05 + 0.02))
    shares = " and ".join(
        f"{100 * cohort.decision.share_large:.0f} % ({COHORT_NAMES[cohort.patients.split]})" for cohort in cohorts
    )
    caption = (
        "Net benefit per patient of calling those cores large whose probability reaches the threshold, compared with "
        "calling all or none large. The threshold states how many false alarms are as bad as one missed large core: "
        "four at 0.2, a quarter at 0.8. What follows from the call, thrombectomy or its omission, is not part of it. "
        f"Shown for thresholds of {THRESHOLDS[0]:g} to {THRESHOLDS[-1]:g}, and a share of large cores of {shares}: net "
        "benefit depends on this share and does not hold where another one does."
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


def _histogram(axes: Axes, patients: ScoredPatients) -> None:
    """Numbers of patients by probability, large cores upwards and small ones downwards."""
    edges = np.linspace(0, 1, 21)
    for label, color, sign in ((1, BLUE, 1), (0, ORANGE, -1)):
        counts, _ = np.histogram(patients.scores[patients.labels == label], edges)
        axes.bar(edges[:-1], sign * counts, width=np.diff(edges), align="edge", color=color, linewidth=0)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


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
