"""Acquisition times: dates and times as DICOM writes them, and the choice among them."""

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
from jaxtyping import Float, Int

from stroke_ctp.scan.dicom.header_fields import PrivateElement

_DAY_S = 86400.0
_SAME_TIME_S = 0.1
"""Frames of a slice closer in time count as simultaneous: no gantry rotates half a turn in this time."""
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?")
_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_DATE_TIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)([+-]\d{4})?")

CLOCKS = (
    "FrameReferenceDateTime",
    "FrameAcquisitionDateTime",
    "TemporalPositionTimeOffset",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "TriggerTime",
    "ContentTime",
    "MidScanTime",
)
"""Attributes that may hold the time of a frame, in order of preference.

PS3.3 calls the first "most representative of when data was acquired for this frame", the second its start
(C.7.6.16.2.2); the third is the frame's offset in the Temporal Position macro. Classic images follow: when "the
acquisition of data that resulted in this instance started" (C.7.10.1), with its date and without, which GE, Siemens
and Canon write per image or per volume; the delay after a trigger. Content time is when the pixels were created
(C.7.6.1): vendors in `CONTENT_CLOCKS` write the frame's time there, and one acquisition time for the whole series;
others write the time of reconstruction, in a different order. The last is private: GE's cine series can have one
acquisition time and one content time, and tell their frames apart by `MID_SCAN_TIME` alone.
"""
CONTENT_CLOCKS = ("philips", "canon", "toshiba")
"""Beginnings of the names of manufacturers that write the frame's time as content time."""
MID_SCAN_TIME = PrivateElement("GEMS_ACQU_01", 0x0019, 0x24)
"""GE's "Mid Scan Time [sec]", usually (0019,1024), as in the raw series of UniToBrain (Zenodo 5109415).

No other vendor documents a private time of frames.
"""


def seconds_of_day(text: str) -> float | None:
    """A time of day (VR TM, `HHMMSS.FFFFFF`, shortened or with colons) in seconds; None if invalid."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:  # 60 is a leap second
        return None
    return 3600.0 * hours + 60.0 * minutes + seconds + float(f"0.{match[4] or 0}")


def seconds_of_date(text: str) -> float | None:
    """A date (VR DA, `YYYYMMDD`) in seconds since a fixed day; None if invalid."""
    match = _DATE.fullmatch(text.strip())
    try:
        return None if match is None else _DAY_S * date(*map(int, match.groups())).toordinal()
    except ValueError:
        return None


def seconds_of_date_time(text: str) -> float | None:
    """A date and time (VR DT, `YYYYMMDDHHMMSS.FFFFFF&ZZXX`), in seconds UTC; None if invalid."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, time = seconds_of_date(match[1]), seconds_of_day(match[2])
    if day is None or time is None:
        return None
    offset = match[3] or "+0000"
    minutes = 60 * int(offset[1:3]) + int(offset[3:])
    return day + time - (60.0 * minutes if offset[0] == "+" else -60.0 * minutes)


def unwrap_midnight(times: Float[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """Make times continuous across midnight [s], where the date is missing or does not change.

    No acquisition lasts half a day. Times further apart are reduced to the time of day, which starts after the
    longest pause.
    """
    if np.ptp(times) < _DAY_S / 2:
        return times
    of_day = np.mod(times, _DAY_S)
    ordered = np.unique(of_day)
    pauses = np.diff(ordered, append=ordered[0] + _DAY_S)
    first = ordered[(int(pauses.argmax()) + 1) % len(ordered)]
    return np.mod(of_day - first, _DAY_S) + first


def distinguishes_frames(values: Float[np.ndarray, " frame"], slice_of: Int[np.ndarray, " frame"]) -> bool:
    """Whether all frames of a slice have different values."""
    order = np.lexsort((values, slice_of))
    same_slice = np.diff(slice_of[order]) == 0
    return bool(np.all(np.diff(values[order])[same_slice] > _SAME_TIME_S))


def clock_times(values: Sequence[tuple[float | None, ...]], clock: int) -> Float[np.ndarray, " frame"] | None:
    """Times of all frames by one clock [s]; None if a frame lacks it.

    Args:
        values: Of each frame, by clock [s].
        clock: Index of the clock.
    """
    column = [times[clock] for times in values]
    return None if None in column else unwrap_midnight(np.array(column, dtype=np.float64))


def choose_clock(values: Sequence[tuple[float | None, ...]], slice_of: Int[np.ndarray, " frame"]) -> int | None:
    """Index of the first clock that all frames have and that distinguishes the frames of every slice, or None.

    Args:
        values: Of each frame, by clock [s].
        slice_of: Index of each frame's slice.
    """
    for clock in range(len(values[0])):
        times = clock_times(values, clock)
        if times is not None and distinguishes_frames(times, slice_of):
            return clock
    return None
