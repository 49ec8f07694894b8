"""Quality of a standard series in words: how it was acquired, and what deserves a look.

A row is one of a cohort's `quality.csv`, or the quality of a new patient.
"""

from collections.abc import Iterator, Mapping
from math import isnan, nan
from typing import Any

import pandas as pd

from stroke_ctp.common.geometry import LEVELS, N_FRAMES
from stroke_ctp.hemodynamics.reliability import IN_PLANE_MOTION_MM
from stroke_ctp.hemodynamics.reliability import LEVELS as RELIABILITY

_MOVED_MM = 5.0
"""Larger motion is a concern."""
_LEFT = 0.6
"""Most of its highest enhancement that the brain may have at the end of a series."""
_PEAK_PER_NOISE = 1.0
"""Least peak of the brain's mean enhancement over the noise of a pixel."""


def acquisition_text(row: Mapping[str, Any]) -> str:
    """Slices and how they were chosen, frames and noise."""
    indices = " and ".join(str(row[f"{level}_slice"]) for level in LEVELS)
    if row["levels_chosen_by"] == "manifest":
        slices = f"slices {indices}, as given"
    else:
        slices = f"slices {indices} by {row['levels_chosen_by']} (confidence {row['levels_confidence']:.2f})"
    times = f"{row['frames_acquired']} frames, at most {row['frame_interval_s']:g} s apart"
    noise = _number(row["noise_sd_hu"])
    return f"{slices}; {times}; noise {'not found' if isnan(noise) else f'{noise:.1f} HU'}"


def concerns(row: Mapping[str, Any]) -> Iterator[str]:
    """Reasons to inspect a series; usually none."""
    if row["levels_chosen_by"] != "manifest":
        yield "levels were proposed, confirm them"
    if row["orientation"] == "assumed":
        yield "the file does not state the orientation, confirm that anterior is up, the patient's right on the left"
    if pd.isna(row["bolus_arrival_s"]):
        yield "no bolus arrives"
    if row["valid_frames"] < N_FRAMES:
        yield f"only {row['valid_frames']} of {N_FRAMES} frames are valid"
    if row["frames_dropped"] > 0:
        yield f"{row['frames_dropped']} frames dropped for motion"
    yield from _measurement_concerns(row)


def _measurement_concerns(row: Mapping[str, Any]) -> Iterator[str]:
    """What motion, noise and the length of the scan may have done."""
    moved = row["max_translation_mm"]
    if moved > _MOVED_MM:
        yield f"head moved by {moved:.1f} mm"
    if moved > IN_PLANE_MOTION_MM and not row["motion_in_space"]:
        yield f"moved by {moved:.1f} mm in the planes; motion out of the few planes is not corrected"
    peak, noise, left = (_number(row[name]) for name in ("brain_peak_hu", "noise_sd_hu", "brain_left"))
    if peak < _PEAK_PER_NOISE * noise:
        yield f"little contrast: the brain rises by {peak:.1f} HU, noise is {noise:.1f} HU"
    if left > _LEFT:
        yield f"the series ends when the brain still has {left:.0%} of its highest enhancement"
    if row.get("perfusion_reliability") in RELIABILITY[1:]:
        yield f"perfusion analysis, {row['perfusion_reliability']}: {row['perfusion_reason']}"


def _number(value: float | None) -> float:
    """A quantity; NaN for one that was not found, which is neither high nor low."""
    return nan if value is None else value
