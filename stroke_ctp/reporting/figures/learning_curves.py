"""Learning curves of the folds, with the epoch whose weights are used."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.figures.style import BLUE, GREY, ORANGE, PAGE, Picture, figure, legend_above
from stroke_ctp.study.training_summary import TrainingSummary

_COLUMNS = 5


def learning_curves(runs: Sequence[TrainingSummary]) -> Picture | None:
    """Training and validation loss of every fold of a model, of its first seed; None if no fold has a log."""
    shown = [run for run in runs if run.losses is not None and run.seed == runs[0].seed]
    if not shown:
        return None
    rows = ceil(len(shown) / _COLUMNS)
    with figure(PAGE, 1.35 * rows + 0.35) as drawn:
        grid = drawn.subplots(rows, _COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
        for axes in grid[len(shown) :]:
            axes.set_visible(False)
        for axes, run in zip(grid, shown, strict=False):
            assert run.losses is not None
            axes.plot(run.losses["epoch"], run.losses["train_loss"], color=ORANGE, linewidth=0.7, label="Training")
            axes.plot(run.losses["epoch"], run.losses["val_loss"], color=BLUE, linewidth=0.9, label="Validation")
            if run.best_epoch is not None:
                axes.axvline(run.best_epoch, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)), label="Epoch taken")
            axes.set_title(f"Fold {run.fold}, epoch {run.best_epoch}", fontsize=7)
            axes.tick_params(labelsize=6)
        # A percentile, because single epochs that overshoot would flatten the curves of all others.
        losses = np.concatenate([run.losses["val_loss"].dropna() for run in shown if run.losses is not None])
        grid[0].set_ylim(0, max(1.0, float(np.percentile(losses, 99)) * 1.1) if len(losses) else 1.0)
        drawn.supxlabel("Epoch", fontsize=8)
        drawn.supylabel("Binary cross-entropy", fontsize=8)
        legend_above(drawn, grid[0])
    name = display_name(shown[0].model)
    caption = (
        "Training loss (with dropout and augmentation), validation loss, and the "
        "epoch of the lowest validation loss, whose weights are used."
    ) + (f" Of seed {shown[0].seed} alone." if len({run.seed for run in runs}) > 1 else "")
    return Picture(f"learning_{shown[0].model}", f"Learning curves: {name}", caption, drawn)
