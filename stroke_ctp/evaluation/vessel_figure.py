"""The picture by which a person judges the chosen artery and vein: where they lie, and their curves."""

from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stroke_ctp.files import whole

_RED, _BLUE = "#D55E00", "#0072B2"  # Okabe and Ito's palette, safe for colour-blind readers
_WINDOW_HU = (0, 100)
_ZOOM = 12
"""Marks are circles of this radius [pixel]: they surround a vessel and do not hide it."""

Places = Int[np.ndarray, "voxel 3"]
Curve = Float[np.ndarray, " time"]


def draw_vessels(
    path: Path,
    brightest: Float[np.ndarray, "slice height width"],
    times: Curve,
    artery: tuple[Places, Curve],
    vein: tuple[Places, Curve],
) -> None:
    """Draw the slices in which artery and vein were chosen, marked, beside their curves.

    Args:
        path: PNG.
        brightest: Highest attenuation of each voxel over time [HU].
        times: Of the frames [s].
        artery: Voxels (slice, row, column) and enhancement [HU].
        vein: The same of the vein.
    """
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": 8, "axes.linewidth": 0.6}):
        figure = Figure(figsize=(180 / 25.4, 60 / 25.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.4))
        _draw_slice(axes[0], brightest, artery[0], "Artery", _RED)
        _draw_slice(axes[1], brightest, vein[0], "Vein", _BLUE)
        axes[2].plot(times, artery[1], color=_RED, label="Artery")
        axes[2].plot(times, vein[1], color=_BLUE, linestyle=(0, (5, 2)), label="Vein")
        axes[2].set(xlabel="Time [s]", ylabel="Enhancement [HU]")
        axes[2].spines[["top", "right"]].set_visible(False)
        axes[2].legend(frameon=False)
        with whole(path) as partial:
            figure.savefig(partial, dpi=150)


def _draw_slice(
    axes: Axes, brightest: Float[np.ndarray, "slice height width"], voxels: Places, title: str, color: str
) -> None:
    """The slice that holds most of the voxels; row 0 is anterior, the patient's right on the left."""
    index = int(np.bincount(voxels[:, 0]).argmax())
    here = voxels[voxels[:, 0] == index]
    axes.imshow(brightest[index], cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1])
    axes.scatter(here[:, 2], here[:, 1], s=_ZOOM**2, facecolors="none", edgecolors=color, linewidths=1.0)
    axes.set_title(f"{title}, slice {index}")
    axes.set_axis_off()
