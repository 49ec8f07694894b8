"""One look for all figures: readable in print and by colour-blind readers, the same bytes every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stroke_ctp.common.files import whole

COLUMN, PAGE = 90 / 25.4, 180 / 25.4
"""Widths of one and of two columns of a journal, 90 and 180 mm [inch]."""

BLUE, SKY, ORANGE, VERMILION = "#0072B2", "#56B4E9", "#E69F00", "#D55E00"
GREEN, PURPLE, GREY = "#009E73", "#CC79A7", "#666666"
SERIES = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)
"""Okabe and Ito's palette, in the order in which models take its colours."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (8, 2)), "-", "-")
"""What tells the same models apart in greyscale."""

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.9,
    "legend.handlelength": 2.2,
    "pdf.fonttype": 42,  # text that a journal can edit
}


@dataclass(frozen=True)
class Picture:
    """A figure with what is said of it."""

    name: str
    """Of its files."""
    title: str
    caption: str
    """What it shows, with its main numbers: also for readers who cannot see it."""
    drawn: Figure


@contextmanager
def figure(width: float = COLUMN, height: float | None = None) -> Iterator[Figure]:
    """A figure [inch] in the common look, square unless a height is given; draw on it within the block."""
    with matplotlib.rc_context(_STYLE):
        drawn = Figure(figsize=(width, height or width), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn


def legend_above(drawn: Figure, axes: Axes) -> None:
    """A legend of what is drawn on one of a figure's axes, above them all, where it hides nothing."""
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)


def save(drawn: Figure, path: Path, provenance: str = "") -> None:
    """Write a figure as `path`.png and `path`.pdf, with what its numbers come from in the metadata."""
    # A date would make every file another one.
    metadata: dict[str, dict[str, Any]] = {
        ".png": {"Description": provenance},
        ".pdf": {"Subject": provenance, "CreationDate": None},
    }
    for suffix, content in metadata.items():
        with matplotlib.rc_context(_STYLE), whole(path.with_suffix(suffix)) as partial:
            drawn.savefig(partial, dpi=300, metadata=content)
        drawn.set_layout_engine("none")  # that of the first time stays: it is what takes longest
