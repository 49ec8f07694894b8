"""Which acquisitions can become a standard series, and why the others cannot."""

import numpy as np
from jaxtyping import Float

_TOLERANCE = 1e-6
"""Frame times come from 32-bit headers: 32 × 1.5 s must not fall short of 48 s by rounding."""

_TISSUE_HU = (-100, 200)
"""Brain, cerebrospinal fluid and blood with room for noise; stored values without their intercept lie outside."""


class Excluded(Exception):  # noqa: N818 - a finding about a patient, no error
    """A patient cannot be included.

    Attributes:
        stage: Where in the flowchart the patient is counted: reading, level, timing, intensity.
        reason: One sentence: the rule, the value received and the way out.
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage, reason)  # both are arguments, so that the exception survives pickling
        self.stage = stage
        self.reason = reason


def check_timing(
    times: Float[np.ndarray, " time"], name: str, max_interval_s: float = 3.0, min_duration_s: float = 48.0
) -> None:
    """Require frames dense enough to interpolate and a scan, frames × interval, long enough for the bolus.

    Args:
        times: Acquisition times of the frames [s].
        name: File name, for the reason.
        max_interval_s: Longest gap between frames that interpolation may bridge [s].
        min_duration_s: Shortest scan accepted [s].

    Raises:
        Excluded: The scan breaks a rule.
    """
    intervals = np.diff(times)
    if len(times) < 2 or not np.all(intervals > 0):
        raise Excluded("timing", f"scan must have two or more frames at increasing times ({name})")
    if intervals.max() > max_interval_s + _TOLERANCE:
        raise Excluded(
            "timing",
            f"frame interval must be ≤ {max_interval_s:g} s to be interpolated, "
            f"got {intervals.max():g} s (scan {name}); exclude it, or pass max_interval_s and another out",
        )
    if len(times) * intervals.mean() < min_duration_s - _TOLERANCE:
        raise Excluded(
            "timing",
            f"scan must last ≥ {min_duration_s:g} s, got {len(times)} frames × {intervals.mean():g} s = "
            f"{len(times) * intervals.mean():g} s (scan {name}); exclude it, or pass min_duration_s and another out",
        )


def check_intensity(hu: Float[np.ndarray, "time height width"], name: str) -> None:
    """Require frames that look like a head in Hounsfield units.

    Args:
        hu: Frames of one level [HU].
        name: File name, for the reason.

    Raises:
        Excluded: Values are constant or on another scale.
    """
    low, high = float(hu.min()), float(hu.max())
    if low == high:
        raise Excluded("intensity", f"values must differ, got {low:g} everywhere (scan {name})")
    height, width = hu.shape[1:]
    middle = hu[0, height // 4 : height - height // 4, width // 4 : width - width // 4]
    if not _TISSUE_HU[0] < np.median(middle) < _TISSUE_HU[1]:
        raise Excluded(
            "intensity",
            f"the middle of the head must measure {_TISSUE_HU[0]} to {_TISSUE_HU[1]} HU, "
            f"got {np.median(middle):g} (scan {name}); check the file's slope and intercept",
        )


def check_level(n_slices: int, index: int, level: str, name: str) -> None:
    """Require that the slice given for a level lies inside the scan.

    Raises:
        Excluded: It does not.
    """
    if not 0 <= index < n_slices:
        raise Excluded(
            "level",
            f"{level} must be a slice from 0 to {n_slices - 1}, got {index} (scan {name}); correct the manifest",
        )
