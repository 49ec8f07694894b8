"""Duplicate frames: stored twice by an archive, under different identifiers."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from stroke_ctp.scan.dicom.frame_headers import Frame
from stroke_ctp.scan.dicom.pixels import decode_hu


def drop_duplicate_frames(frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"]) -> list[Frame]:
    """Drop frames that equal another in position, in all times and in every pixel.

    If all frames of a slice have the same times, the headers hold no times, and none is a duplicate.
    """
    alike: dict[tuple[int, tuple[float | None, ...]], list[Frame]] = defaultdict(list)
    for frame, level in zip(frames, slice_of, strict=True):
        alike[int(level), frame.times].append(frame)
    n_frames = np.bincount(slice_of)
    duplicates = [
        frame for (level, _), group in alike.items() if len(group) < n_frames[level] for frame in _duplicates(group)
    ]
    dropped = {frame.instance for frame in duplicates}
    return [frame for frame in frames if frame.instance not in dropped]


def _duplicates(frames: Sequence[Frame]) -> list[Frame]:
    """All but the first of the frames with the same pixels."""
    if len(frames) == 1:
        return []
    seen: set[bytes] = set()
    duplicates = []
    for frame in frames:
        pixels = next(decode_hu([frame])).tobytes()
        if pixels in seen:
            duplicates.append(frame)
        seen.add(pixels)
    return duplicates
