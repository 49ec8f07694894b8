"""Curves, contributions and the scale of probabilities, as shapes of SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.common.geometry import FRAME_INTERVAL_S, LEVELS, STANDARD_TIMES
from stroke_ctp.reporting.bolus_curves import bolus_curves, tissue_curve

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 620, 150, 46, 22, 10
"""Of a plot, and what its axes and its upper edge take [SVG unit]."""
_TICKS_S = (0.0, 10.0, 20.0, 30.0, 40.0)
_ROOM = 0.25
"""Share of the axis that is left below zero for the noise of a single place."""
_BINS = 20
"""Of the histogram of probabilities."""
_BAR_HEIGHT = 44
"""Of the histogram's highest bar, above and below the line [SVG unit]."""


@dataclass(frozen=True)
class Curve:
    """A line of a plot."""

    name: str
    style: str
    """Class of the line."""
    points: str
    """For the attribute `points` of SVG."""


@dataclass(frozen=True)
class Plot:
    """Curves over time."""

    title: str
    text: str
    """The same in words."""
    low: float
    high: float
    """Values at the lower and the upper end of the axis [HU]."""
    ticks: tuple[tuple[str, float], ...]
    """Values on the vertical axis, with their height in the plot."""
    curves: tuple[Curve, ...]
    takes_pixel: bool = False
    """Whether the curve of the chosen pixel is drawn here."""


@dataclass(frozen=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    style: str
    text: str


def time_ticks() -> tuple[tuple[str, float], ...]:
    """Seconds on the horizontal axis, with their place."""
    return tuple((f"{seconds:g}", _x(seconds)) for seconds in _TICKS_S)


def curve_plots(series: Float[np.ndarray, "2 32 height width"]) -> tuple[Plot, Plot]:
    """Enhancement of an artery, and of the tissue on the patient's right and on the patient's left."""
    artery, _ = bolus_curves(series)
    middle = series.shape[-1] // 2
    right, left = (tissue_curve(series[..., half]) for half in (slice(None, middle), slice(middle, None)))
    return (
        _plot("Artery", {"artery": ("artery", artery)}, False),
        _plot("Brain tissue", {"patient's right": ("right", right), "patient's left": ("left", left)}, True),
    )


def contribution_bars(contributions: Float[np.ndarray, "level time"]) -> dict[str, tuple[Bar, ...]]:
    """A bar per frame for each level, upwards where it raises the log odds, and their largest value."""
    largest = max(float(np.abs(contributions).max()), 1e-6)
    middle, width = HEIGHT / 2, _x(FRAME_INTERVAL_S) - _x(0.0)
    bars = {}
    for level, values in zip(LEVELS, contributions, strict=True):
        row = []
        for seconds, value in zip(STANDARD_TIMES, values, strict=True):
            height = abs(float(value)) / largest * (middle - TOP)
            raises = value > 0
            row.append(
                Bar(
                    round(_x(float(seconds)) - width / 2 + 1, 1),
                    round(middle - height if raises else middle, 1),
                    round(width - 2, 1),
                    round(height, 1),
                    "raises" if raises else "lowers",
                    f"{seconds:g} s: {value:+.3f}",
                )
            )
        bars[level.replace("_", " ")] = tuple(row)
    return bars


def histogram_bars(probability: Float[np.ndarray, " patient"], label: Int[np.ndarray, " patient"]) -> tuple[Bar, ...]:
    """Patients by probability [%], large cores above and small ones below a line."""
    counts = {
        name: np.histogram(probability[label == value], bins=_BINS, range=(0, 1))[0]
        for name, value in (("large", 1), ("small", 0))
    }
    most = max(1, *(int(of_class.max()) for of_class in counts.values()))
    bars = []
    for name, of_class in counts.items():
        for number, count in enumerate(of_class):
            height = round(_BAR_HEIGHT * int(count) / most, 1)
            text = f"{count} with a {name} core at {number / _BINS:.2f} to {(number + 1) / _BINS:.2f}"
            if count:
                y = -height if name == "large" else 0.0
                bars.append(Bar(100 / _BINS * number, y, 100 / _BINS, height, name, text))
    return tuple(bars)


def _plot(title: str, curves: dict[str, tuple[str, np.ndarray]], takes_pixel: bool) -> Plot:
    values = np.concatenate([curve for _, curve in curves.values()])
    step = _step(float(values.max()))
    high = step * np.ceil(max(float(values.max()), step) / step)
    low = min(-_ROOM * high if takes_pixel else 0.0, float(values.min()))
    ticks = tuple((f"{value:g}", _y(value, low, high)) for value in np.arange(0, high + step / 2, step).tolist())
    peaks = (
        f"{name} to {curve.max():.{0 if curve.max() > 20 else 1}f} HU at {STANDARD_TIMES[curve.argmax()]:g} s"
        for name, (_, curve) in curves.items()
    )
    lines = tuple(Curve(name, style, _points(curve, low, high)) for name, (style, curve) in curves.items())
    return Plot(title, "; ".join(peaks), float(low), float(high), ticks, lines, takes_pixel)


def _step(highest: float) -> float:
    """A round distance of about three ticks."""
    return next((step for step in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if highest / step <= 4), 200.0)


def _points(curve: Sequence[float] | np.ndarray, low: float, high: float) -> str:
    return " ".join(f"{_x(t):.1f},{_y(float(v), low, high):.1f}" for t, v in zip(STANDARD_TIMES, curve, strict=True))


def _x(seconds: float) -> float:
    """Place of a time; half a frame is free at both ends, for bars."""
    return round(LEFT + (seconds / FRAME_INTERVAL_S + 0.5) * (WIDTH - LEFT) / len(STANDARD_TIMES), 2)


def _y(value: float, low: float, high: float) -> float:
    return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP), 2)
