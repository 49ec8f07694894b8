"""The numbers of one scan as lines of a table."""

from stroke_ctp.hemodynamics.lesion_definitions import CORE_CBV, CORE_RCBF
from stroke_ctp.hemodynamics.measurement_quality import SCALE_ERROR
from stroke_ctp.hemodynamics.scan_analysis import ScanAnalysis

_ELIGIBLE = {True: "yes", False: "no", None: "not assessed: measurement unusable"}


def readout_lines(measured: ScanAnalysis) -> list[tuple[str, str]]:
    """Names and values in reading order; a line without a value is a heading."""
    found, quality = measured.readouts, measured.quality
    late = (found.tmax4_ml, found.hypoperfused_ml, found.tmax8_ml, found.tmax10_ml)
    extrapolated = "all" if quality.late_tissue_missing_s is None else "late"
    space = "in space" if quality.motion_in_space else "in the plane only"
    return [
        ("Volumes, without large vessels", ""),
        (f"Core, CBV < {CORE_CBV:g} mL/100 mL", ml_text(found.core_cbv_ml)),
        (f"   if CBV is {SCALE_ERROR:.0%} off", f"{quality.core_low_ml:.0f} to {quality.core_high_ml:.0f} mL"),
        (f"Core, CBF < {CORE_RCBF:.0%} of the other side", ml_text(found.core_rcbf_ml)),
        (f"   if it is {SCALE_ERROR:.0%} off", f"{quality.core_rcbf_low_ml:.0f} to {quality.core_rcbf_high_ml:.0f} mL"),
        ("Tmax > 4, 6, 8, 10 s", f"{', '.join(f'{ml:.0f}' for ml in late)} mL"),
        ("   hypoperfused, between > 6 and > 4 s", f"{found.hypoperfused_ml:.0f} to {found.tmax4_ml:.0f} mL"),
        ("Penumbra, Tmax > 6 s outside both cores", ml_text(found.penumbra_ml)),
        ("Mismatch with CBF core: volume, ratio", f"{ml_text(found.mismatch_rcbf_ml)}, {_number(found.mismatch_rcbf)}"),
        ("Hypoperfusion intensity ratio", _number(found.hypoperfusion_intensity_ratio)),
        ("CBV index", _number(found.cbv_index)),
        ("DEFUSE 3 mismatch", _ELIGIBLE[measured.defuse3_eligible]),
        ("Measurement", ""),
        ("Artery's peak, partial-volume factor", f"{quality.artery_peak_hu:.0f} HU, {quality.partial_volume:.2f}"),
        ("Scan after the artery's peak", f"{quality.coverage_s:.0f} s"),
        (f"Extrapolated share of {extrapolated} tissue's CBV", f"{quality.unseen_share:.0%}"),
        ("Contrast-to-noise of healthy tissue", f"{quality.contrast_to_noise:.1f}"),
        (f"Motion corrected {space}", f"{quality.motion_mm:.1f} mm"),
        ("Tissue share, asymmetry", f"{quality.tissue_share:.0%}, {abs(quality.tissue_asymmetry):.0%}"),
    ]


def ml_text(volume: float) -> str:
    """A volume [mL] with its unit."""
    return f"{volume:.1f} mL".replace("-", "−")


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
