"""Common style of all figures: readable in print and by colour-blind readers, with reproducible files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stroke_ctp.common.files import atomic_write

COLUMN, PAGE = 90 / 25.4, 180 / 25.4
"""Widths of one and of two columns of a journal, 90 and 180 mm [inch]."""

BLUE, SKY, ORANGE, VERMILION = "#0072B2", "#56B4E9", "#E69F00", "#D55E00"
GREEN, PURPLE, GREY = "#009E73", "#CC79A7", "#666666"
SERIES = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)
"""Colours of the models in their order (Okabe and Ito's palette)."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (8, 2)), "-", "-")
"""Dashes of the models in their order, which distinguish them in greyscale."""

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # part of matplotlib: the same on every machine
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
    """A figure with its title and caption."""

    name: str
    """Name of its files."""
    title: str
    caption: str
    """What it shows, with its main numbers; also part of the alternative text."""
    drawn: Figure
    about_patients: bool = True
    """Whether it shows results of patients, whose origin it then names."""


@contextmanager
def figure(width: float = COLUMN, height: float | None = None) -> Iterator[Figure]:
    """A figure in the common style; draw on it within the block.

    Args:
        width: Width [inch].
        height: Height [inch]; by default the width.
    """
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(width, height or width), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn


def legend_above(drawn: Figure, axes: Axes) -> None:
    """Add the legend of one of a figure's axes above all axes, where it covers no data, in as many columns as fit."""
    for n_columns in (3, 2, 1):
        legend = drawn.legend(
            *axes.get_legend_handles_labels(), loc="outside upper center", ncols=n_columns, frameon=False
        )
        if n_columns == 1 or legend.get_window_extent().width < drawn.bbox.width:
            return
        legend.remove()  # a legend beyond the edges would push labels out of the figure


def save(drawn: Figure, path: Path, provenance: str = "") -> list[Path]:
    """Write a figure as `path`.png and `path`.pdf, with the provenance of its numbers in the metadata; both files."""
    # Without a creation date, the same figure gives the same file.
    metadata: dict[Path, dict[str, Any]] = {
        path.with_suffix(".png"): {"Description": provenance},
        path.with_suffix(".pdf"): {"Subject": provenance, "CreationDate": None},
    }
    for file, content in metadata.items():
        with matplotlib.rc_context(STYLE), atomic_write(file) as partial:
            drawn.savefig(partial, dpi=300, metadata=content)
        drawn.set_layout_engine("none")  # keep the first layout, because computing it takes longest
    return list(metadata)
