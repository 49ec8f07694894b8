"""The configured network with the shapes of its layers: the article's Figure 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from stroke_ctp.reporting.figures.style import BLUE, GREEN, GREY, ORANGE, PAGE, Picture, figure


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network that is drawn."""

    levels: tuple[str, ...]
    frames: int
    side: int
    """Rows and columns of a frame [pixel]."""
    features: int
    """Features per frame, computed by the encoder."""
    kernels: Mapping[str, int]
    """Kernel size of each pathway [frame]."""
    filters: int
    hidden: int
    trainable: int
    """Number of parameters of the temporal network."""
    trained_blocks: int
    """Number of the encoder's five blocks that are trained; 0 if it is frozen."""

    @property
    def concatenated(self) -> int:
        """Number of features of both levels and all pathways."""
        return len(self.levels) * len(self.kernels) * self.filters


_HEIGHT = 0.5
_X = {"input": 0.8, "encoder": 2.45, "features": 3.88, "pathway": 5.62, "pooled": 7.25, "concat": 8.55, "head": 10.05}


def network(architecture: Architecture) -> Picture:
    """Draw both levels, encoder, pathways and head, from left to right."""
    n_pathways = len(architecture.kernels)
    with figure(PAGE, 2.1 + 0.3 * n_pathways) as drawn:
        axes = drawn.add_subplot()
        axes.set(xlim=(0, 10.8), ylim=(-2.2, 2.0))
        axes.set_axis_off()
        for centre, level in zip((1.0, -1.0), architecture.levels, strict=True):
            _level(axes, centre, level, architecture)
        _box(axes, "concat", 0.0, f"concatenate\n{architecture.concatenated}", GREY, 1.0)
        _box(axes, "head", 0.0, f"dense {architecture.hidden}, ReLU\ndense 1\nsigmoid\n→ large core", GREEN, 1.35, 1.25)
        _arrow(axes, _X["concat"] + 0.5, 0.0, _X["head"] - 0.68, 0.0)
    return Picture("figure2", "Figure 2. The network", _caption(architecture), drawn, about_patients=False)


def _level(axes: Axes, centre: float, level: str, architecture: Architecture) -> None:
    frames, side = architecture.frames, architecture.side
    frozen = "frozen" if not architecture.trained_blocks else f"{architecture.trained_blocks} blocks trained"
    _box(axes, "input", centre, f"{level}\n{frames} × {side} × {side}", GREY, 1.45)
    _box(axes, "encoder", centre, f"VGG19, per frame\nshared, {frozen}", ORANGE, 1.44)
    _box(axes, "features", centre, f"{frames} × {architecture.features}", GREY, 1.0)
    _arrow(axes, _X["input"] + 0.73, centre, _X["encoder"] - 0.72, centre)
    _arrow(axes, _X["encoder"] + 0.72, centre, _X["features"] - 0.5, centre)
    offsets = (0.42, -0.42) if len(architecture.kernels) == 2 else (0.0,)
    for offset, (name, kernel) in zip(offsets, architecture.kernels.items(), strict=True):
        y = centre + offset
        text = f"{name}: conv1d, kernel {kernel}\n{frames} × {architecture.filters}, ReLU"
        _box(axes, "pathway", y, text, BLUE, 1.95)
        _box(axes, "pooled", y, f"max over time\n{architecture.filters}", GREY, 1.1)
        _arrow(axes, _X["features"] + 0.5, centre, _X["pathway"] - 0.98, y)
        _arrow(axes, _X["pathway"] + 0.98, y, _X["pooled"] - 0.55, y)
        _arrow(axes, _X["pooled"] + 0.55, y, _X["concat"] - 0.5, 0.12 * (1 if y > 0 else -1))


def _box(axes: Axes, column: str, y: float, text: str, color: str, width: float, height: float = _HEIGHT) -> None:
    corner = (_X[column] - width / 2, y - height / 2)
    look: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.06", "linewidth": 0.8}
    axes.add_patch(FancyBboxPatch(corner, width, height, edgecolor=color, facecolor=(*_rgb(color), 0.08), **look))
    axes.text(_X[column], y, text, ha="center", va="center", fontsize=6.2, linespacing=1.35)


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _arrow(axes: Axes, x: float, y: float, to_x: float, to_y: float) -> None:
    look = {"arrowstyle": "-|>", "color": "0.25", "linewidth": 0.6, "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (to_x, to_y), (x, y), arrowprops=look)


def _caption(architecture: Architecture) -> str:
    pathways = " and ".join(f"{name} (kernel {kernel})" for name, kernel in architecture.kernels.items())
    return (
        "The same pretrained VGG19 encodes every frame of both levels. The time courses of its "
        f"{architecture.features} features over {architecture.frames} frames are the input of the pathways {pathways}, "
        "with separate filters for each level. "
        f"The temporal network has {architecture.trainable:,} trainable parameters."
    )
