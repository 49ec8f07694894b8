"""Risk and coverage on stressed scans: one panel for each model."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes

from stroke_ctp.model.registry import name_apart
from stroke_ctp.reporting.figures.style import BLUE, DASHES, GREY, PAGE, Picture, figure
from stroke_ctp.robustness.curves import StressResults
from stroke_ctp.robustness.declines import DeclinedScans
from stroke_ctp.statistics.risk_coverage import risk_curve

_COLUMNS = 4
_CAPTION = (
    "Share of wrong classes among the scans that are answered, over the share of all scans that are answered. Grey: "
    "those nearest to a probability of 1/2 are declined first. Blue: first those that are not assessable, then the "
    "same. The point is what `predict` does: all that are assessable are answered."
)


def declines_picture(results: StressResults) -> Picture | None:
    """Risk–coverage curves of all models over all scans; None if nobody could be declined."""
    if not results.declines:
        return None
    columns = min(_COLUMNS, len(results.declines))
    rows = ceil(len(results.declines) / columns)
    with figure(PAGE, 1.8 * rows + 0.4) as drawn:
        panels = drawn.subplots(rows, columns, squeeze=False, sharey=True)
        for panel, scans in zip(panels.flat, results.declines, strict=False):
            _panel(panel, scans)
        for panel in panels.flat[len(results.declines) :]:
            panel.set_axis_off()
        panels[0, 0].set_ylim(0, None)  # shared by all
        for panel in panels[:, 0]:
            panel.set_ylabel("wrong of those answered")
        drawn.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return Picture("stress_declines", "What declining buys", _CAPTION, drawn)


def _panel(panel: Axes, scans: DeclinedScans) -> None:
    share = np.arange(1, scans.n + 1) / scans.n
    alone, gated = (risk_curve(scans.wrong, order) for order in (scans.certainty, scans.confidence))
    panel.plot(share, alone, color=GREY, linestyle=DASHES[1], linewidth=1, label="least certain declined first")
    panel.plot(share, gated, color=BLUE, linewidth=1, label="not assessable declined first")
    answered = int((~scans.declined).sum())
    if answered:
        panel.plot(
            share[answered - 1], gated[answered - 1], "o", color=BLUE, markersize=4, label="as `predict` answers"
        )
    panel.set(title=name_apart(scans.model), xlabel="share answered", xlim=(0, 1.02))
