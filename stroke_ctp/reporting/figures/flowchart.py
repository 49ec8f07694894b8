"""The inclusion flowchart: numbers of patients, of exclusions at each stage, and of included patients."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stroke_ctp.common.text import counted, within_a_sentence
from stroke_ctp.reporting.figures.style import COLUMN, figure

STAGES = {
    "reading": "Scan could not be read",
    "timing": "Frame interval or duration\ndid not comply",
    "level": "ASPECTS level missing",
    "intensity": "Intensities not plausible",
    "motion": "Head moved too far",
    "perfusion": "Perfusion could not be measured",
}
"""What the stages of `excluded.csv` mean; a stage that is not listed goes by its own name."""

_WIDTH, _HEIGHT = 1.9, 0.68
"""Size of a box; two boxes share a width of 4, and a row has the height 1."""
_ARROW = {"arrowstyle": "-|>", "color": "black", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}


def draw_flowchart(counts: Mapping[str, Any], name: str = "") -> Figure:
    """Inclusion of one cohort, in the form of the article's Figure 1.

    Args:
        counts: `counts` of the cohort's `cohort.json`: `{"patients": n, "included": n, "excluded": {stage: n}}`.
        name: Name of the cohort, for the lowest box.
    """
    return draw_flowcharts({name or "Cohort": counts})


def draw_flowcharts(cohorts: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Inclusion of several cohorts side by side, as in the article's Figure 1.

    Args:
        cohorts: Counts, as in `draw_flowchart`, by the cohort's name.
    """
    rows = 2 + max(max(1, len(counts["excluded"])) for counts in cohorts.values())
    with figure(COLUMN * len(cohorts), 0.62 * rows) as drawn:
        axes = drawn.subplots(1, len(cohorts), squeeze=False)[0]
        for one, (name, counts) in zip(axes, cohorts.items(), strict=True):
            _draw_column(one, name, counts, rows)
    return drawn


def flow_sentence(name: str, counts: Mapping[str, Any]) -> str:
    """The flowchart in words, for a caption or as alternative text."""
    return f"{flow_phrase(name, counts)}."


def flow_phrase(name: str, counts: Mapping[str, Any]) -> str:
    """The flowchart in words, without a full stop."""
    reasons = ", ".join(f"{n} ({within_a_sentence(_meaning(stage))})" for stage, n in counts["excluded"].items())
    left_out = f"excluded: {reasons}" if reasons else "none excluded"
    return f"{name}: {counted(counts['patients'], 'patient')}; {left_out}; {counts['included']} included".replace(
        "\n", " "
    )


def _draw_column(axes: Axes, name: str, counts: Mapping[str, Any], rows: int) -> None:
    """Boxes of one cohort from top to bottom, with exclusions to the right."""
    axes.set(xlim=(0, 4), ylim=(-rows, 0))
    axes.set_axis_off()
    _box(axes, 1.0, -0.5, f"Patients with CTP scans\nn = {counts['patients']}")
    bottom = -(rows - 0.5)
    axes.annotate("", (1.0, bottom + _HEIGHT / 2), (1.0, -0.5 - _HEIGHT / 2), arrowprops=_ARROW)
    excluded = counts["excluded"] or {"": 0}
    for number, (stage, n) in enumerate(excluded.items()):
        height = -1.5 - number
        text = f"{_meaning(stage)}\nn = {n}" if stage else "None excluded"
        _box(axes, 3.0, height, text, dashed=True)
        axes.annotate("", (3.0 - _WIDTH / 2, height), (1.0, height), arrowprops=_ARROW)
    _box(axes, 1.0, bottom, f"{name}\nn = {counts['included']}", bold=True)


def _box(axes: Axes, x: float, y: float, text: str, dashed: bool = False, bold: bool = False) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=7, fontweight="bold" if bold else "normal")
    dashes: Any = (0, (3, 2)) if dashed else "-"
    corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
    axes.add_patch(Rectangle(corner, _WIDTH, _HEIGHT, fill=False, linewidth=0.8, linestyle=dashes, clip_on=False))


def _meaning(stage: str) -> str:
    return STAGES.get(stage, stage.replace("_", " ").capitalize())
