"""Strips of slices: the lesion over the head, and each perfusion map, on a page of its own scan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Normalize, to_rgb
from matplotlib.patches import Patch

from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, TMAX_LEVELS
from stroke_ctp.hemodynamics.scan_analysis import ScanAnalysis
from stroke_ctp.reporting.figures.style import ORANGE, SKY, VERMILION
from stroke_ctp.reporting.figures.vessels import HEAD_HU
from stroke_ctp.scan.ctp_scan import CTPScan

_MOST_SLICES = 6
"""In a strip; slices of a larger scan are left out evenly."""
_WINDOW_HU = (0.0, 80.0)
_CAPTION_MM, _SCALE_MM, _GAP_MM = 4.5, 13.0, 1.0

Rectangle = tuple[float, float, float, float]
"""Left, top, width, height [mm]."""
NewAxes = Callable[[float, float, float, float], Axes]
Volume = Float[np.ndarray, "slice height width"]


@dataclass(frozen=True)
class MapStyle:
    """How a map is shown."""

    title: str
    colours: str
    """Of equal steps in lightness, which colour-blind readers and grey prints keep."""
    norm: Normalize
    ticks: tuple[float, ...]
    extend: str = "max"
    """Which ends of the scale stand for values beyond them."""


CBF = MapStyle("CBF [mL/100 mL/min]", "cividis", Normalize(0, 60), (0.0, 20.0, 40.0, 60.0))
CBV = MapStyle("CBV [mL/100 mL]", "cividis", Normalize(0, 5), (0.0, CORE_CBV, 2.5, 5.0))
MTT = MapStyle("MTT [s]", "inferno", Normalize(0, 16), (0.0, 4.0, 8.0, 12.0, 16.0))
TMAX = MapStyle("Tmax [s]", "inferno", BoundaryNorm([0, 2, *TMAX_LEVELS, 12], 256), (0.0, *TMAX_LEVELS))


@dataclass(frozen=True)
class Layer:
    """Tissue that is marked on the head."""

    mask: Bool[np.ndarray, "slice height width"]
    label: str
    colour: str
    strength: float
    """Opacity; 0 draws the outline alone."""


@dataclass(frozen=True)
class Strips:
    """What is shown of a scan: the lesion over the head, and maps."""

    scan: CTPScan
    head: Volume
    """[HU]"""
    layers: Sequence[Layer]
    """From the lowest to the uppermost."""
    maps: Sequence[tuple[MapStyle, Volume]]
    """NaN where they are black."""


def conventional_strips(measured: ScanAnalysis) -> Strips:
    """What deconvolution finds in a scan."""
    passage, maps, lesion = measured.passage, measured.maps, measured.lesion
    early = measured.scan.times[:, 0] < max(passage.n_baseline * passage.step, passage.step)
    layers = [
        Layer(lesion.penumbra, "penumbra", SKY, 0.65),
        Layer(lesion.core["cbv"], "core, CBV", VERMILION, 0.75),
        Layer(lesion.core["rcbf"], "core, CBF", ORANGE, 0.0),
    ]
    shown = [(CBF, maps.cbf), (CBV, maps.cbv), (MTT, maps.mtt), (TMAX, maps.tmax)]
    in_tissue = [(style, np.where(passage.tissue, volume, np.nan)) for style, volume in shown]
    return Strips(measured.scan, measured.scan.hu[early].mean(axis=0), layers, in_tissue)


def draw_strips(new_axes: NewAxes, strips: Strips, place: Rectangle) -> None:
    """Draw the lesion and all maps; scans of one or two slices get two strips side by side.

    Args:
        new_axes: Makes axes in a rectangle of the page.
        strips: What is drawn.
        place: Where the strips go.
    """
    scan = strips.scan
    shown = slices_shown(scan.hu.shape[1])
    columns = 2 if len(shown) <= 2 else 1
    rows = -(-(len(strips.maps) + 1) // columns)
    crop = _head(scan.hu[0])
    left, top, width, height = place
    high = height / rows - _CAPTION_MM - _GAP_MM
    row_mm, column_mm = scan.spacing[1:]
    shape = scan.hu[0, 0][crop].shape
    wide = high * len(shown) * shape[1] * column_mm / (shape[0] * row_mm)
    widest = width / columns - _SCALE_MM
    if wide > widest:
        wide, high = widest, high * widest / wide
    for number in range(len(strips.maps) + 1):
        row, column = divmod(number, columns)
        x, y = left + column * width / columns, top + row * height / rows + _CAPTION_MM
        axes = new_axes(x, y, wide, high)
        if number == 0:
            _draw_lesion(axes, strips, shown, crop)
        else:
            scale = new_axes(x + wide + 2, y + 1, 2.5, high - 2)
            _draw_map(axes, scale, strips.maps[number - 1], scan, shown, crop)
        _name_slices(axes, scan, shown)


def slices_shown(n_slices: int) -> Int[np.ndarray, " shown"]:
    """Indices of at most `_MOST_SLICES` slices, spread evenly over the scan."""
    return np.unique(np.linspace(0, n_slices - 1, min(n_slices, _MOST_SLICES)).round().astype(int))


def _draw_lesion(axes: Axes, strips: Strips, shown: Int[np.ndarray, " shown"], crop: tuple[slice, slice]) -> None:
    head = _side_by_side(strips.head, shown, crop)
    grey = np.clip((head - _WINDOW_HU[0]) / (_WINDOW_HU[1] - _WINDOW_HU[0]), 0, 1)[..., None].repeat(3, axis=2)
    for layer in strips.layers:
        tile = _side_by_side(layer.mask, shown, crop).astype(bool)
        grey[tile] = (1 - layer.strength) * grey[tile] + layer.strength * np.array(to_rgb(layer.colour))
    axes.imshow(grey, extent=_extent(grey, strips.scan), interpolation="nearest")
    for layer in strips.layers:
        outline = _side_by_side(layer.mask, shown, crop)
        if not layer.strength and outline.any():
            y, x = _centres(outline, strips.scan)
            axes.contour(x, y, outline, levels=[0.5], colors=[layer.colour], linewidths=0.9)
    keys = [
        Patch(facecolor=layer.colour if layer.strength else "none", edgecolor=layer.colour, label=layer.label)
        for layer in reversed(strips.layers)
    ]
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderpad=0, handlelength=1.4
    )


def _draw_map(
    axes: Axes,
    scale: Axes,
    shown_map: tuple[MapStyle, Volume],
    scan: CTPScan,
    shown: Int[np.ndarray, " shown"],
    crop: tuple[slice, slice],
) -> None:
    style, values = shown_map
    picture = _side_by_side(values, shown, crop)
    colours = colormaps[style.colours].with_extremes(bad="black")
    image = axes.imshow(picture, cmap=colours, norm=style.norm, extent=_extent(picture, scan), interpolation="nearest")
    axes.figure.colorbar(image, cax=scale, ticks=style.ticks, extend=style.extend)
    scale.tick_params(labelsize=6.5, pad=1, length=2)
    axes.set_title(style.title, loc="left", pad=2)


def _name_slices(axes: Axes, scan: CTPScan, shown: Int[np.ndarray, " shown"]) -> None:
    """Write the slices as the file counts them, and the sides."""
    axes.set_axis_off()
    for number, index in enumerate(shown):
        x = (number + 0.02) / len(shown)
        axes.text(x, 0.02, f"{scan.slice_index(int(index))}", color="w", size=6, transform=axes.transAxes)
    for x, side in ((0.004, "R"), (1 / len(shown) - 0.004, "L")):
        edge = "left" if side == "R" else "right"
        axes.text(x, 0.98, side, color="w", size=6, ha=edge, va="top", transform=axes.transAxes)


def _side_by_side(volume: np.ndarray, shown: Int[np.ndarray, " shown"], crop: tuple[slice, slice]) -> np.ndarray:
    return np.concatenate([volume[index][crop] for index in shown], axis=1)


def _extent(picture: np.ndarray, scan: CTPScan) -> Rectangle:
    row_mm, column_mm = scan.spacing[1:]
    return 0.0, picture.shape[1] * column_mm, picture.shape[0] * row_mm, 0.0


def _centres(picture: np.ndarray, scan: CTPScan) -> tuple[np.ndarray, np.ndarray]:
    """Places of rows and columns [mm]."""
    row_mm, column_mm = scan.spacing[1:]
    return (np.arange(picture.shape[0]) + 0.5) * row_mm, (np.arange(picture.shape[1]) + 0.5) * column_mm


def _head(frame: Volume) -> tuple[slice, slice]:
    """Rows and columns of a frame that are not air alone."""
    _, rows, columns = np.nonzero(frame > HEAD_HU)
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
