"""Frames that an archive holds twice under different identifiers."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from stroke_ctp.scan.dicom.frame_headers import Frame
from stroke_ctp.scan.dicom.pixels import decode_hu


def drop_duplicate_frames(frames: Sequence[Frame], slice_of: Int[np.ndarray, " frame"]) -> list[Frame]:
    """Frames without those that agree with another in place, in all times and in every pixel.

    A slice whose frames all agree in time holds no copies: its times are not in the headers.
    """
    alike: dict[tuple[int, tuple[float | None, ...]], list[Frame]] = defaultdict(list)
    for frame, level in zip(frames, slice_of, strict=True):
        alike[int(level), frame.times].append(frame)
    n_frames = np.bincount(slice_of)
    copies = [copy for (level, _), group in alike.items() if len(group) < n_frames[level] for copy in _copies(group)]
    dropped = {frame.instance for frame in copies}
    return [frame for frame in frames if frame.instance not in dropped]


def _copies(frames: Sequence[Frame]) -> list[Frame]:
    """All but the first of frames with the same pixels."""
    if len(frames) == 1:
        return []
    seen: set[bytes] = set()
    copies = []
    for frame in frames:
        pixels = next(decode_hu([frame])).tobytes()
        if pixels in seen:
            copies.append(frame)
        seen.add(pixels)
    return copies
