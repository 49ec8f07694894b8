"""Which acquisitions can become a standard series, and why the others cannot."""

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.schemas import STRICT
from stroke_ctp.scan.time_grid import needed_frames

_TOLERANCE = 1e-6
"""Frame times come from 32-bit headers: 32 × 1.5 s must not fall short of 48 s by rounding."""

_TISSUE_HU = (-100, 200)
"""Brain, cerebrospinal fluid and blood with room for noise; stored values without their intercept lie outside."""

_LEAST_RANGE_HU = 50
"""Between the least and the greatest value of a head, even of one clipped to a brain window."""


@dataclass(frozen=True, config=STRICT)
class Rules:
    """What can be included, and how."""

    max_interval_s: Annotated[float, Field(gt=0)] = 3.0
    """Longest gap between frames that interpolation may bridge [s]."""
    min_duration_s: Annotated[float, Field(gt=0)] = 48.0
    """Shortest scan accepted, frames × interval [s]."""
    short_scan: Literal["exclude", "pad"] = "exclude"
    """Exclude shorter scans, or pad them with their last frame; quality.csv says how many frames are valid."""
    levels: Literal["manifest", "auto"] = "manifest"
    """Take the levels from the manifest alone, or propose those that it does not give."""
    max_motion_mm: Annotated[float, Field(gt=0)] = 20.0
    """Frames in which the skull has moved farther are dropped [mm]."""


class Excluded(Exception):  # noqa: N818 - a finding about a patient, no error
    """A patient cannot be included.

    Attributes:
        stage: Where in the flowchart the patient is counted: reading, level, timing, intensity, motion.
        reason: One sentence: the rule, the value received and the way out.
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage, reason)  # both are arguments, so that the exception survives pickling
        self.stage = stage
        self.reason = reason


def check_timing(times: Float[np.ndarray, " time"], name: str, rules: Rules) -> None:
    """Require frames dense enough to interpolate and a scan, frames × interval, long enough for the bolus.

    Protocols that end in sparse frames, for permeability, comply: those after the standard series are not needed.

    Args:
        times: Acquisition times of one slice's frames, the scan's first at 0 [s].
        name: File name, for the reason.
        rules: Longest interval and shortest scan.

    Raises:
        Excluded: The scan breaks a rule.
    """
    intervals = np.diff(times)
    if len(times) < 2 or not np.all(intervals > 0):
        raise Excluded("timing", f"scan must have two or more frames at increasing times ({name})")
    longest = np.diff(times, prepend=0.0)[: needed_frames(times)].max()  # before a slice's first frame there is none
    if longest > rules.max_interval_s + _TOLERANCE:
        raise Excluded(
            "timing",
            f"frame interval must be ≤ {rules.max_interval_s:g} s to be interpolated, "
            f"got {longest:g} s (scan {name}); exclude it, or pass max_interval_s and another out",
        )
    duration = len(times) * intervals.mean()
    if rules.short_scan == "exclude" and duration < rules.min_duration_s - _TOLERANCE:
        raise Excluded(
            "timing",
            f"scan must last ≥ {rules.min_duration_s:g} s, got {len(times)} frames × {intervals.mean():g} s = "
            f"{duration:g} s (scan {name}); exclude it, or pass min_duration_s or short_scan=pad and another out",
        )


def check_motion(times: Float[np.ndarray, " time"], used: Bool[np.ndarray, " time"], name: str, rules: Rules) -> None:
    """Require that the frames left when the head moved too far can be interpolated.

    Args:
        times: Acquisition times [s], NaN for a frame that was not acquired.
        used: Which frames are left.
        name: File name, for the reason.
        rules: Longest interval, and how far a head may move.

    Raises:
        Excluded: A gap is longer than the rules allow.
    """
    kept = times[used]
    gaps = np.diff(np.append(kept, np.nanmax(times)))
    dropped = int(np.sum(np.isfinite(times) & ~used))
    if dropped and gaps.max() > rules.max_interval_s + _TOLERANCE:
        raise Excluded(
            "motion",
            f"head must move ≤ {rules.max_motion_mm:g} mm, in {dropped} of {len(times)} frames it moved farther and "
            f"{gaps.max():g} s cannot be bridged (scan {name}); exclude it, or pass max_motion_mm and another out",
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
    if high - low < _LEAST_RANGE_HU:
        raise Excluded(
            "intensity",
            f"values must differ by ≥ {_LEAST_RANGE_HU} HU, got {low + 0.0:g} to {high + 0.0:g} (scan {name}); "
            "check the file's slope and intercept",
        )
    height, width = hu.shape[1:]
    # an eighth of the largest field of view, 500 mm, in each direction: within the brain, and mostly brain
    middle = hu[0, height * 3 // 8 : -(height * 3 // 8), width * 3 // 8 : -(width * 3 // 8)]
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
