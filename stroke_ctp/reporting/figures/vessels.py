"""Picture of the selected artery and vein, for visual inspection: their positions and curves."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from stroke_ctp.common.files import atomic_write

_RED, _BLUE = "#D55E00", "#0072B2"  # Okabe and Ito's palette, safe for colour-blind readers
_WINDOW_HU = (0, 100)
_MARK_MM = 6.0
"""Radius of the circles that mark a vessel without hiding it."""
HEAD_HU = -300
"""Slices are cropped to what is denser."""

Places = Int[np.ndarray, "voxel 3"]
Curve = Float[np.ndarray, " time"]


def draw_vessels(
    path: Path,
    brightest: Float[np.ndarray, "slice height width"],
    pixel_mm: tuple[float, float],
    names: Sequence[int],
    times: Curve,
    artery: tuple[Places, Curve],
    vein: tuple[Places, Curve] | None,
) -> None:
    """Draw the slices in which artery and vein were chosen, marked, beside their curves.

    Args:
        path: PNG.
        brightest: Highest attenuation of each voxel over time [HU].
        pixel_mm: Distance between rows and columns [mm].
        names: File index of each slice.
        times: Of the frames [s].
        artery: Voxels (slice, row, column) and enhancement [HU].
        vein: The same of the vein; None without one.
    """
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": 8, "axes.linewidth": 0.6}):
        figure = Figure(figsize=(180 / 25.4, 70 / 25.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.4))
        for axis, vessel, title, color in ((axes[0], artery, "Artery", _RED), (axes[1], vein, "Vein", _BLUE)):
            if vessel is None:
                axis.set_title("no vein was found")
                axis.set_axis_off()
                continue
            places, _ = vessel
            index = int(np.bincount(places[:, 0]).argmax())
            here = places[places[:, 0] == index]
            _draw_slice(axis, brightest[index], here, pixel_mm, color)
            axis.set_title(f"{title}: slice {names[index]}, {len(here)} of {len(places)} voxels")
        axes[2].axhline(0, color="0.8", linewidth=0.6)
        axes[2].plot(times, artery[1], color=_RED, label="Artery")
        if vein is not None:
            axes[2].plot(times, vein[1], color=_BLUE, linestyle=(0, (5, 2)), label="Vein")
        axes[2].set(xlabel="Time [s]", ylabel="Enhancement [HU]")
        axes[2].spines[["top", "right"]].set_visible(False)
        axes[2].legend(frameon=False)
        with atomic_write(path) as partial:
            figure.savefig(partial, dpi=150)


def _draw_slice(
    axes: Axes,
    image: Float[np.ndarray, "height width"],
    voxels: Places,
    pixel_mm: tuple[float, float],
    color: str,
) -> None:
    """A slice's head with its voxels marked, adjoining ones once; anterior is up, the patient's right left."""
    height, width = (n * mm for n, mm in zip(image.shape, pixel_mm, strict=True))
    axes.imshow(image, cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1], extent=(0, width, height, 0))
    marked: list[np.ndarray] = []
    for centre in (voxels[:, 1:] + 0.5) * pixel_mm:
        if all(np.hypot(*(centre - other)) > _MARK_MM for other in marked):
            marked.append(centre)
            axes.add_patch(Circle((centre[1], centre[0]), _MARK_MM, fill=False, edgecolor=color, linewidth=1.2))
    rows, columns = (
        (place.min() * mm, (place.max() + 1) * mm) for place, mm in zip(_head(image), pixel_mm, strict=True)
    )
    axes.set(xlim=columns, ylim=rows[::-1])
    for x, side in ((0.02, "R"), (0.98, "L")):
        axes.text(x, 0.98, side, color="w", ha="left" if side == "R" else "right", va="top", transform=axes.transAxes)
    axes.set_axis_off()


def _head(image: Float[np.ndarray, "height width"]) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " column"]]:
    """Rows and columns that are not air alone."""
    head = image > HEAD_HU
    return np.flatnonzero(head.any(axis=1)), np.flatnonzero(head.any(axis=0))
