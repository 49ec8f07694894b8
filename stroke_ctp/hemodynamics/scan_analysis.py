"""A scan's conventional analysis, from the file to maps and volumes: what `perfusion` and `preprocess` share."""

from dataclasses import dataclass
from pathlib import Path

from stroke_ctp.common.types import CTPScan
from stroke_ctp.hemodynamics.bolus_detection import NotMeasurable
from stroke_ctp.hemodynamics.bolus_passage import Passage, follow_bolus
from stroke_ctp.hemodynamics.lesion import Lesion, find_lesion
from stroke_ctp.hemodynamics.maps import Analysis, Maps, perfusion_maps
from stroke_ctp.scan.inclusion import Excluded, check_intensity
from stroke_ctp.scan.motion_correction import at_same_times, held_still
from stroke_ctp.scan.read import read_scan


@dataclass(frozen=True)
class Measured:
    """What the analysis of one scan yields."""

    scan: CTPScan
    """With its head held still."""
    passage: Passage
    maps: Maps
    lesion: Lesion


def measure(path: Path, frame_interval_s: float | None, analysis: Analysis) -> Measured:
    """Read a scan, register its frames and analyse it.

    Args:
        path: File or folder of the scan.
        frame_interval_s: Time between frames [s]; overrides the header's.
        analysis: Settings.

    Raises:
        Excluded: The scan cannot be read, or its perfusion not be measured, with the reason.
    """
    scan = at_same_times(read_scan(path, frame_interval_s))
    check_intensity(scan.hu[:, scan.hu.shape[1] // 2], path.name)
    scan = held_still(scan)
    try:
        passage = follow_bolus(scan.hu, scan.times[:, 0], scan.spacing[1:])
    except NotMeasurable as finding:
        raise Excluded("perfusion", f"{finding} (scan {path.name})") from None
    maps = perfusion_maps(passage, scan.spacing[1:], analysis)
    return Measured(scan, passage, maps, find_lesion(maps, scan.spacing[1:]))
