"""Conventional perfusion analysis of a scan, from the file to maps, lesion and their reliability."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stroke_ctp.common.errors import Excluded
from stroke_ctp.hemodynamics.bolus_passage import BolusPassage, find_bolus_passage
from stroke_ctp.hemodynamics.core_and_penumbra import Lesion, segment_lesion
from stroke_ctp.hemodynamics.maps import Analysis, Maps, perfusion_maps
from stroke_ctp.hemodynamics.measurement_quality import MeasurementQuality, measure_quality
from stroke_ctp.hemodynamics.readouts import Readouts, clinical_readouts
from stroke_ctp.hemodynamics.reliability import Reliability, judge
from stroke_ctp.scan.ctp_scan import CTPScan
from stroke_ctp.scan.intensity import check_intensity
from stroke_ctp.scan.motion_correction import align_slice_times, correct_motion
from stroke_ctp.scan.read import read_scan
from stroke_ctp.scan.registration import Motion


@dataclass(frozen=True)
class RegisteredScan:
    """A scan whose frames lie where the first does."""

    name: str
    """Of its file or folder."""
    scan: CTPScan
    motions: Sequence[Motion]
    """Of its slices."""


@dataclass(frozen=True)
class ScanAnalysis:
    """Results of the analysis of one scan."""

    scan: CTPScan
    """Motion-corrected."""
    passage: BolusPassage
    maps: Maps
    lesion: Lesion
    readouts: Readouts
    quality: MeasurementQuality

    @property
    def reliability(self) -> Reliability:
        """How far the readouts can be trusted."""
        return judge(self.quality, self.readouts)

    @property
    def defuse3_eligible(self) -> bool | None:
        """Target mismatch of DEFUSE 3; None where the measurement is unusable."""
        return None if self.reliability.level == "unusable" else self.readouts.defuse3_eligible


def analyse_scan(
    path: str | Path, frame_interval_s: float | None = None, analysis: Analysis | None = None
) -> ScanAnalysis:
    """Read a scan, register its frames and analyse it.

    Args:
        path: File or folder of the scan.
        frame_interval_s: Time between frames [s]; overrides the header's.
        analysis: Settings; by default `Analysis()`.

    Raises:
        Excluded: The scan cannot be read, or its perfusion cannot be measured, with the reason.

    Example:
        >>> from stroke_ctp import analyse_scan
        >>> result = analyse_scan("scan.nii.gz")
        >>> result.maps.cbf.shape, result.maps.tmax.shape
        ((3, 136, 136), (3, 136, 136))
        >>> 25 < result.readouts.core_cbv_ml < 40, sorted(result.lesion.core)
        (True, ['cbv', 'rcbf'])
        >>> result.reliability.level
        'ok'
    """
    return analyse_registered(register_scan(path, frame_interval_s), analysis)


def register_scan(path: str | Path, frame_interval_s: float | None = None) -> RegisteredScan:
    """Read a scan and register its frames.

    Args:
        path: File or folder of the scan.
        frame_interval_s: Time between frames [s]; overrides the header's.

    Raises:
        Excluded: The scan cannot be read, with the reason.
    """
    path = Path(path)
    scan = align_slice_times(read_scan(path, frame_interval_s))
    check_intensity(scan.hu[:, scan.hu.shape[1] // 2], path.name)
    return RegisteredScan(path.name, *correct_motion(scan))


def analyse_registered(registered: RegisteredScan, analysis: Analysis | None = None) -> ScanAnalysis:
    """Analyse a scan whose frames are registered.

    Args:
        registered: All its slices acquired at the same times.
        analysis: Settings; by default `Analysis()`.

    Raises:
        Excluded: Its perfusion cannot be measured, with the reason.
    """
    try:
        return _analysed(registered, analysis or Analysis())
    except Excluded as finding:
        raise Excluded(finding.stage, f"{finding.reason} (scan {registered.name})") from None


def _analysed(registered: RegisteredScan, analysis: Analysis) -> ScanAnalysis:
    scan, motions = registered.scan, registered.motions
    pixel_mm = scan.spacing[1:]
    passage = find_bolus_passage(scan.hu, scan.times[:, 0], pixel_mm)
    maps = perfusion_maps(passage, pixel_mm, analysis)
    lesion = segment_lesion(maps, pixel_mm)
    return ScanAnalysis(
        scan,
        passage,
        maps,
        lesion,
        clinical_readouts(lesion, maps, scan.spacing),
        measure_quality(scan, motions, passage, maps, analysis.smoothing_mm),
    )
