"""AUC against the number of training patients."""

from collections.abc import Mapping, Sequence

import numpy as np

from stroke_ctp.reporting.figures.style import DASHES, SERIES, Picture, figure
from stroke_ctp.statistics.interval_estimates import Estimate


def sample_size(curves: Mapping[str, Sequence[tuple[float, Estimate]]]) -> Picture | None:
    """AUC of every model, by its name, against its training patients per fold; None if no AUC has an interval."""
    shown = {
        name: [(n, auc.value, auc.low, auc.high) for n, auc in points if auc.low is not None]
        for name, points in curves.items()
    }
    if not any(shown.values()):
        return None
    with figure() as drawn:
        axes = drawn.add_subplot()
        for number, (name, points) in enumerate(shown.items()):
            if points:
                n, auc, low, high = np.array(points, float).T
                color, dashes = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
                axes.errorbar(
                    n, auc, [auc - low, high - auc], color=color, linestyle=dashes, marker="o", markersize=4,
                    elinewidth=0.7, capsize=2, label=name,
                )  # fmt: skip
        axes.set(xlabel="Training patients per fold", ylabel="ROC-AUC, mean of test folds", xlim=(0, None))
        axes.legend(loc="lower right")
    caption = (
        "Mean ROC-AUC over the test folds, with its corrected resampled t interval (95 %), after training on a part of "
        "the training patients. A curve that still rises suggests that more patients would help."
    )
    return Picture("sample_size", "Learning curve over the number of patients", caption, drawn)
