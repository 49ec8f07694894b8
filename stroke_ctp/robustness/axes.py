"""The axes of stress: along each, one condition of the scan departs from a good one.

`docs/stress.md` gives the source of each range, or says that it is an assumption.
"""

from dataclasses import dataclass, replace

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.geometry import FRAME_INTERVAL_S, N_FRAMES
from stroke_ctp.common.schemas import nearest
from stroke_ctp.common.text import listed
from stroke_ctp.model.trained_range import INTERVAL_S, LEVELS_MM, NOISE_HU, SHORTEST_S
from stroke_ctp.phantom.scanner import SCANNER_MATRIX, SCANNER_PIXEL_MM


@dataclass(frozen=True)
class Condition:
    """How a patient is scanned; the defaults are those of a good scan, the reference of every axis."""

    noise: float = 3.0
    """Standard deviation at standard pixels [HU]."""
    motion: float = 0.0
    """Largest nodding angle of the head [deg]."""
    sampling: float = 1.5
    """Time between frames [s]."""
    duration: float = 48.0
    """Frames × interval [s]."""
    delay: float = 0.0
    """By which the bolus comes later than the patient's own [s]."""
    width: float = 1.0
    """Duration of the bolus over the patient's own, at the same amount of contrast."""
    dose: float = 1.0
    """Contrast, as a share of the usual dose."""
    level: float = 0.0
    """By which both slices lie too high [mm]."""
    field: float = SCANNER_MATRIX * SCANNER_PIXEL_MM
    """Side of the square that is reconstructed, about the scanner's centre [mm]."""
    rotation: float = 0.0
    """Of the head in the axial plane [deg]."""


REFERENCE = Condition()


@dataclass(frozen=True)
class Axis:
    """One field of `Condition`, and the levels at which it is tried."""

    name: str
    """Of the field."""
    title: str
    unit: str
    levels: tuple[float, ...]
    """In ascending order, with that of the reference."""
    trained: tuple[float, float]
    """Levels that the training patients of the perfusion network cover."""
    possible: tuple[float, float]
    """Levels that can be simulated and mean something."""

    @property
    def reference(self) -> float:
        """Level of a good scan."""
        return float(getattr(REFERENCE, self.name))

    def condition(self, level: float) -> Condition:
        """A scan that is good but for this axis."""
        return replace(REFERENCE, **{self.name: level})

    def at(self, levels: tuple[float, ...]) -> "Axis":
        """The axis at these levels and at the reference.

        Raises:
            UserError: A level is out of range.
        """
        low, high = self.possible
        wrong = [level for level in levels if not low <= level <= high]
        if wrong:
            raise UserError(
                f"levels of {self.name} must be from {low:g} to {high:g} {self.unit}, got {wrong[0]:g}; "
                "choose levels in that range"
            )
        return replace(self, levels=tuple(sorted({*levels, self.reference})))


_DURATION_S = (SHORTEST_S + FRAME_INTERVAL_S, N_FRAMES * FRAME_INTERVAL_S)
"""Of the training patients: the last frame lasts as long as the others."""
_OFF_MM = (LEVELS_MM[0], -LEVELS_MM[0])
_MEASURED = (
    Axis("noise", "Noise", "HU", (1.0, 3.0, 5.0, 7.0, 10.0, 14.0), NOISE_HU, (0.0, 50.0)),
    Axis("motion", "Head motion by nodding", "deg", (0.0, 1.0, 2.0, 5.0, 10.0), (0.0, 5.0), (0.0, 20.0)),
    Axis("sampling", "Sampling interval", "s", (1.0, 1.5, 2.0, 2.5, 3.0), INTERVAL_S, (0.5, 5.0)),
    Axis("duration", "Duration of the scan", "s", (24.0, 30.0, 36.0, 42.0, 48.0), _DURATION_S, (12.0, 75.0)),
    Axis("delay", "Delay of the bolus", "s", (0.0, 4.0, 8.0, 12.0, 16.0), (0.0, 12.0), (0.0, 40.0)),
    Axis("width", "Width of the bolus", "× usual", (0.7, 1.0, 1.5, 2.0, 3.0), (0.5, 2.0), (0.4, 5.0)),
    Axis("dose", "Contrast dose", "× usual", (0.15, 0.25, 0.35, 0.5, 0.7, 1.0), (0.25, 1.25), (0.01, 2.0)),
    Axis("level", "Both slices off", "mm", (-15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0), _OFF_MM, (-25.0, 25.0)),
    Axis("field", "Field of view", "mm", (100.0, 120.0, 140.0, 170.0, 240.0), (200.0, 240.0), (60.0, 240.0)),
    Axis("rotation", "Rotation of the head", "deg", (0.0, 6.0, 12.0, 20.0, 30.0), (0.0, 12.0), (0.0, 45.0)),
)
AXES = {axis.name: axis for axis in _MEASURED}
"""Axes along which patients are scanned anew."""
LABEL, PREVALENCE = "label", "prevalence"
"""Axes that ask other questions of the good scans."""
ALL = (*AXES, LABEL, PREVALENCE)
"""Names of all axes in the order in which they are shown."""
PREVALENCES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of large cores."""


def chosen_axes(names: tuple[str, ...], levels: tuple[float, ...] = ()) -> tuple[Axis, ...]:
    """The axes with these names that are measured; all without a name.

    Args:
        names: Of `ALL`.
        levels: Instead of those of a single axis.

    Raises:
        UserError: A name is unknown or given twice, or levels are out of range or not for one axis.
    """
    for name in names:
        if name not in ALL:
            raise UserError(f"axes must be some of {', '.join(ALL)}, got {name}{nearest(name, ALL)}")
    if len(set(names)) < len(names):
        raise UserError(f"axes must name each axis once, got {listed(names)}")
    axes = tuple(axis for name, axis in AXES.items() if name in (names or AXES))
    if not levels:
        return axes
    if len(names) != 1 or not axes:
        raise UserError(f"levels are those of one axis, give axes=NAME, one of {', '.join(AXES)}")
    return (axes[0].at(levels),)
