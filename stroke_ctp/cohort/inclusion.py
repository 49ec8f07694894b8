"""Rules of inclusion: which scans can become a standard series."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import Excluded
from stroke_ctp.common.geometry import LEVELS
from stroke_ctp.common.schemas import STRICT
from stroke_ctp.scan.time_resampling import count_needed_frames

_TOLERANCE = 1e-6
"""Frame times come from 32-bit headers: 32 × 1.5 s must not fall short of 48 s by rounding."""
_TOO_SHORT = "scan must last"
"""Begins the reason of a scan below `min_duration_s`."""


@dataclass(frozen=True, config=STRICT)
class Rules:
    """Rules of inclusion."""

    max_interval_s: Annotated[float, Field(gt=0)] = 3.0
    """Longest gap between frames that interpolation may bridge [s]."""
    min_duration_s: Annotated[float, Field(gt=0)] = 48.0
    """Shortest scan accepted, frames × interval [s]."""
    short_scan: Literal["exclude", "pad"] = "exclude"
    """Exclude shorter scans, or pad them with their last frame; quality.csv says how many frames are valid."""
    levels: Literal["manifest", "auto"] = "manifest"
    """Take the levels from the manifest alone, or propose those that it does not give."""
    min_level_confidence: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Proposals of levels below this confidence exclude their patient; 0 takes every proposal."""
    max_motion_mm: Annotated[float, Field(gt=0)] = 20.0
    """Frames in which the skull has moved farther are dropped [mm]."""


def check_timing(times: Float[np.ndarray, " time"], name: str, rules: Rules) -> None:
    """Require frames dense enough to interpolate, and a scan (frames × interval) long enough for the bolus.

    Protocols that end with sparse frames, for permeability, comply: frames after the standard series are not needed.

    Args:
        times: Acquisition times of one slice's frames, the scan's first at 0 [s].
        name: File name, for the reason.
        rules: Longest interval and shortest scan.

    Raises:
        Excluded: The scan breaks a rule.
    """
    intervals = np.diff(times)
    if len(times) < 2 or not np.all(intervals > 0):
        raise Excluded("timing", f"scan must have two or more frames at increasing times ({name}); leave it out")
    longest = np.diff(times, prepend=0.0)[: count_needed_frames(times)].max()  # a slice may start later than the scan
    if longest > rules.max_interval_s + _TOLERANCE:
        raise Excluded(
            "timing",
            f"frame interval must be ≤ {rules.max_interval_s:g} s to be interpolated, "
            f"got {longest:g} s (scan {name}); leave it out, or preprocess with max_interval_s=… and a new out=DIR",
        )
    duration = len(times) * intervals.mean()
    if rules.short_scan == "exclude" and duration < rules.min_duration_s - _TOLERANCE:
        raise Excluded(
            "timing",
            f"{_TOO_SHORT} ≥ {rules.min_duration_s:g} s, got {len(times)} frames × {intervals.mean():g} s = "
            f"{duration:g} s (scan {name}); leave it out, or preprocess with min_duration_s=… or short_scan=pad and a "
            "new out=DIR",
        )


def is_too_short(reason: str | None) -> bool:
    """Whether a reason for exclusion is the scan's duration alone."""
    return reason is not None and reason.startswith(_TOO_SHORT)


def check_motion(times: Float[np.ndarray, " time"], used: Bool[np.ndarray, " time"], name: str, rules: Rules) -> None:
    """Require that frames dropped for motion can be interpolated from the others.

    Args:
        times: Acquisition times [s], NaN for a frame that was not acquired.
        used: Which frames are kept.
        name: File name, for the reason.
        rules: Longest interval and largest motion.

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
            f"{gaps.max():g} s cannot be bridged (scan {name}); leave it out, or preprocess with max_motion_mm=… and "
            "a new out=DIR",
        )


def check_level(n_slices: int, index: int, level: str, name: str) -> None:
    """Require that the slice given for a level lies inside the scan.

    Raises:
        Excluded: It does not.
    """
    if not 0 <= index < n_slices:
        raise Excluded(
            "level",
            f"{level} must be a slice from 0 to {n_slices - 1}, got {index} (scan {name}); give one of these",
        )


def check_order(slices: Sequence[int], given: Sequence[int], name: str) -> None:
    """Require that the lower level lies below the upper one.

    Args:
        slices: Of both levels, from the lower, counted from inferior.
        given: The same as the file counts them.
        name: Of the scan.

    Raises:
        Excluded: It does not.
    """
    if slices[0] > slices[1]:
        lower, upper = LEVELS
        raise Excluded(
            "level",
            f"{lower} must lie below {upper}, got slices {given[0]} and {given[1]}, which lie the other way round "
            f"(scan {name}); exchange them",
        )
