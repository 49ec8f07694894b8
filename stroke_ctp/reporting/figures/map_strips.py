"""Strips of slices: the lesion over the head, and each perfusion map, on a page of its own scan."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Normalize, to_rgb
from matplotlib.patches import Patch

from stroke_ctp.hemodynamics.core_and_penumbra import CORE_CBV, TMAX_LEVELS, Lesion
from stroke_ctp.hemodynamics.scan_analysis import ScanAnalysis
from stroke_ctp.reporting.figures.style import ORANGE, SKY, VERMILION
from stroke_ctp.reporting.figures.vessels import HEAD_HU

_MOST_SLICES = 6
"""In a strip; slices of a larger scan are left out evenly."""
_WINDOW_HU = (0.0, 80.0)
_CAPTION_MM, _SCALE_MM, _GAP_MM = 4.5, 13.0, 1.0

Rectangle = tuple[float, float, float, float]
"""Left, top, width, height [mm]."""
NewAxes = Callable[[float, float, float, float], Axes]
Volume = Float[np.ndarray, "slice height width"]


@dataclass(frozen=True)
class _Map:
    """How a map is shown."""

    name: str
    title: str
    colours: str
    """Of equal steps in lightness, which colour-blind readers and grey prints keep."""
    norm: Normalize
    ticks: tuple[float, ...]


_MAPS = (
    _Map("cbf", "CBF [mL/100 mL/min]", "cividis", Normalize(0, 60), (0.0, 20.0, 40.0, 60.0)),
    _Map("cbv", "CBV [mL/100 mL]", "cividis", Normalize(0, 5), (0.0, CORE_CBV, 2.5, 5.0)),
    _Map("mtt", "MTT [s]", "inferno", Normalize(0, 16), (0.0, 4.0, 8.0, 12.0, 16.0)),
    _Map("tmax", "Tmax [s]", "inferno", BoundaryNorm([0, 2, *TMAX_LEVELS, 12], 256), (0.0, *TMAX_LEVELS)),
)


def draw_strips(new_axes: NewAxes, measured: ScanAnalysis, place: Rectangle) -> None:
    """Draw the lesion and all maps; scans of one or two slices get two strips side by side.

    Args:
        new_axes: Makes axes in a rectangle of the page.
        measured: The scan.
        place: Where the strips go.
    """
    shown = slices_shown(measured.scan.hu.shape[1])
    columns = 2 if len(shown) <= 2 else 1
    rows = -(-(len(_MAPS) + 1) // columns)
    crop = _head(measured.scan.hu[0])
    left, top, width, height = place
    high = height / rows - _CAPTION_MM - _GAP_MM
    row_mm, column_mm = measured.scan.spacing[1:]
    shape = measured.scan.hu[0, 0][crop].shape
    wide = high * len(shown) * shape[1] * column_mm / (shape[0] * row_mm)
    widest = width / columns - _SCALE_MM
    if wide > widest:
        wide, high = widest, high * widest / wide
    for number in range(len(_MAPS) + 1):
        row, column = divmod(number, columns)
        x, y = left + column * width / columns, top + row * height / rows + _CAPTION_MM
        axes = new_axes(x, y, wide, high)
        if number == 0:
            _draw_lesion(axes, measured, shown, crop)
        else:
            scale = new_axes(x + wide + 2, y + 1, 2.5, high - 2)
            _draw_map(axes, scale, _MAPS[number - 1], measured, shown, crop)
        _name_slices(axes, measured, shown)


def slices_shown(n_slices: int) -> Int[np.ndarray, " shown"]:
    """Indices of at most `_MOST_SLICES` slices, spread evenly over the scan."""
    return np.unique(np.linspace(0, n_slices - 1, min(n_slices, _MOST_SLICES)).round().astype(int))


def _draw_lesion(
    axes: Axes, measured: ScanAnalysis, shown: Int[np.ndarray, " shown"], crop: tuple[slice, slice]
) -> None:
    passage = measured.passage
    early = measured.scan.times[:, 0] < max(passage.n_baseline * passage.step, passage.step)
    head = _side_by_side(measured.scan.hu[early].mean(axis=0), shown, crop)
    grey = np.clip((head - _WINDOW_HU[0]) / (_WINDOW_HU[1] - _WINDOW_HU[0]), 0, 1)[..., None].repeat(3, axis=2)
    for mask, colour, strength in _layers(measured.lesion):
        tile = _side_by_side(mask, shown, crop).astype(bool)
        grey[tile] = (1 - strength) * grey[tile] + strength * np.array(to_rgb(colour))
    axes.imshow(grey, extent=_extent(grey, measured), interpolation="nearest")
    outline = _side_by_side(measured.lesion.core["rcbf"], shown, crop)
    if outline.any():
        y, x = _centres(outline, measured)
        axes.contour(x, y, outline, levels=[0.5], colors=[ORANGE], linewidths=0.9)
    keys = [
        Patch(facecolor=VERMILION, label="core, CBV"),
        Patch(facecolor="none", edgecolor=ORANGE, label="core, CBF"),
        Patch(facecolor=SKY, label="penumbra"),
    ]
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderpad=0, handlelength=1.4
    )


def _layers(lesion: Lesion) -> tuple[tuple[Bool[np.ndarray, "slice height width"], str, float], ...]:
    return (lesion.penumbra, SKY, 0.65), (lesion.core["cbv"], VERMILION, 0.75)


def _draw_map(
    axes: Axes,
    scale: Axes,
    shown_map: _Map,
    measured: ScanAnalysis,
    shown: Int[np.ndarray, " shown"],
    crop: tuple[slice, slice],
) -> None:
    values = np.where(measured.passage.tissue, getattr(measured.maps, shown_map.name), np.nan)
    picture = _side_by_side(values, shown, crop)
    colours = colormaps[shown_map.colours].with_extremes(bad="black")
    image = axes.imshow(
        picture, cmap=colours, norm=shown_map.norm, extent=_extent(picture, measured), interpolation="nearest"
    )
    axes.figure.colorbar(image, cax=scale, ticks=shown_map.ticks, extend="max")
    scale.tick_params(labelsize=6.5, pad=1, length=2)
    axes.set_title(shown_map.title, loc="left", pad=2)


def _name_slices(axes: Axes, measured: ScanAnalysis, shown: Int[np.ndarray, " shown"]) -> None:
    """Write the slices as the file counts them, and the sides."""
    axes.set_axis_off()
    for number, index in enumerate(shown):
        x = (number + 0.02) / len(shown)
        axes.text(x, 0.02, f"{measured.scan.slice_index(int(index))}", color="w", size=6, transform=axes.transAxes)
    for x, side in ((0.004, "R"), (1 / len(shown) - 0.004, "L")):
        edge = "left" if side == "R" else "right"
        axes.text(x, 0.98, side, color="w", size=6, ha=edge, va="top", transform=axes.transAxes)


def _side_by_side(volume: np.ndarray, shown: Int[np.ndarray, " shown"], crop: tuple[slice, slice]) -> np.ndarray:
    return np.concatenate([volume[index][crop] for index in shown], axis=1)


def _extent(picture: np.ndarray, measured: ScanAnalysis) -> Rectangle:
    row_mm, column_mm = measured.scan.spacing[1:]
    return 0.0, picture.shape[1] * column_mm, picture.shape[0] * row_mm, 0.0


def _centres(picture: np.ndarray, measured: ScanAnalysis) -> tuple[np.ndarray, np.ndarray]:
    """Places of rows and columns [mm]."""
    row_mm, column_mm = measured.scan.spacing[1:]
    return (np.arange(picture.shape[0]) + 0.5) * row_mm, (np.arange(picture.shape[1]) + 0.5) * column_mm


def _head(frame: Volume) -> tuple[slice, slice]:
    """Rows and columns of a frame that are not air alone."""
    _, rows, columns = np.nonzero(frame > HEAD_HU)
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
