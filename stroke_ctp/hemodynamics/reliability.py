"""How far a scan's volumes can be trusted: `ok`, `caution` or `unusable`, with the reasons."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stroke_ctp.hemodynamics.measurement_quality import SCALE_ERROR, MeasurementQuality
from stroke_ctp.hemodynamics.readouts import Readouts

Level = Literal["ok", "caution", "unusable"]
LEVELS: tuple[Level, ...] = ("ok", "caution", "unusable")
"""From good to bad."""

# Thresholds without a source are assumed, from simulated scans: see docs/core-accuracy.md.
MISSING_S = 1.0
"""A first pass that ends later than this after the scan counts as cut off [s]."""
ARTERY_MISSING_S = 5.0
"""The same of the artery, whose end is that of all deconvolution [s]; assumed."""
UNSEEN_SHARE, UNUSABLE_UNSEEN_SHARE = 0.4, 0.6
"""Share of hypoperfused tissue's CBV that may be extrapolated; assumed."""
LONGEST_INTERVAL_S = 3.0
"""Between frames [s]: by default preprocessing refuses longer ones too."""
ARRIVAL_S = 18.0
"""Contrast arrives after 8 s in the median patient, after 6 to 10 s in half of them (93 patients of ISLES 2018) [s];
assumed."""
CONTRAST_TO_NOISE, UNUSABLE_CONTRAST_TO_NOISE = 3.0, 1.5
"""Peak of healthy tissue over the noise of a smoothed voxel; assumed."""
ARTERY_PEAK_HU = 40.0
"""Measured arteries of simulated patients peak at 50 to 300 HU with a full dose; assumed [HU]."""
PARTIAL_VOLUME = (0.7, 4.5)
"""Factors of simulated ordinary scans lie between 1.2 and 4; assumed."""
MOTION_MM, MOTION_LEFT_MM = 10.0, 1.0
"""Motion that was corrected, and displacement of the skull's edges that was not; assumed [mm]."""
IN_PLANE_MOTION_MM = 1.5
"""From here on, motion in the planes of a thin slab makes motion out of them likely; assumed [mm]."""
TISSUE_SHARE, TISSUE_ASYMMETRY = 0.6, 0.1
"""Simulated heads have a share of 0.78 to 0.92 and differ by 0.04 between the halves; assumed."""
OTHER_SIDE_CORE_ML, UNUSABLE_OTHER_SIDE_CORE_ML = 12.0, 40.0
"""Tissue of the unaffected hemisphere below a core's threshold; assumed [mL]."""
LEAST_CORE_ML = 5.0
"""A smaller core may exceed the hypoperfused tissue by noise; assumed [mL]."""
CORE_RANGE_ML = 20.0
"""An error of the core that matters, since trials ask for a mismatch of 15 mL [mL]. Both definitions measure the same
tissue: where the volumes that either gives, each with an error of `SCALE_ERROR`, lie further apart, one of them may be
as wrong."""


@dataclass(frozen=True)
class Concern:
    """One reason why volumes may be wrong, or a remark of level `ok`."""

    level: Level
    reason: str
    """What was found, and what it does to the volumes."""


@dataclass(frozen=True)
class Reliability:
    """Of one scan."""

    concerns: tuple[Concern, ...]

    @property
    def level(self) -> Level:
        """That of the worst concern; `ok` without any."""
        return max((concern.level for concern in self.concerns), key=LEVELS.index, default="ok")

    @property
    def reasons(self) -> str:
        """All concerns, the worst first; empty without any."""
        ordered = sorted(self.concerns, key=lambda concern: -LEVELS.index(concern.level))
        return "; ".join(concern.reason for concern in ordered)


def judge(quality: MeasurementQuality, readouts: Readouts) -> Reliability:
    """Judge a scan by how well it was measured and by what was measured.

    Args:
        quality: From `measure_quality`.
        readouts: Of the same scan.
    """
    return Reliability(tuple(_concerns(quality, readouts)))


def _concerns(quality: MeasurementQuality, readouts: Readouts) -> Iterator[Concern]:
    yield from _sampling(quality)
    yield from _contrast(quality)
    if quality.contrast_to_noise >= UNUSABLE_CONTRAST_TO_NOISE:  # the end of a curve of noise says nothing
        yield from _truncation(quality)
    yield from _motion(quality)
    yield from _tissue(quality)
    yield from _midline(quality)
    late = readouts.hypoperfused_ml
    yield from _core("CBV core", readouts.core_cbv_ml, quality.other_side_core_ml, late)
    yield from _core("CBF core", readouts.core_rcbf_ml, quality.other_side_core_rcbf_ml, late)
    yield from _scale(quality, readouts)


def _sampling(quality: MeasurementQuality) -> Iterator[Concern]:
    """Too few frames."""
    if quality.longest_interval_s > LONGEST_INTERVAL_S:
        yield Concern(
            "caution",
            f"frames lie up to {quality.longest_interval_s:g} s apart, more than {LONGEST_INTERVAL_S:g} s: peaks of "
            "curves may lie between them",
        )


def _truncation(quality: MeasurementQuality) -> Iterator[Concern]:
    """Too short a scan."""
    cut = [
        f"{name} {seconds:.0f} s"
        for name, seconds in (
            ("artery", quality.artery_missing_s),
            ("vein", quality.vein_missing_s),
            ("tissue", quality.tissue_missing_s),
            ("hypoperfused tissue", quality.late_tissue_missing_s),
        )
        if seconds is not None and seconds > MISSING_S
    ]
    if quality.unseen_share > UNSEEN_SHARE or quality.artery_missing_s > ARTERY_MISSING_S:
        level: Level = "unusable" if quality.unseen_share > UNUSABLE_UNSEEN_SHARE else "caution"
        tissue = "all tissue" if quality.late_tissue_missing_s is None else "hypoperfused tissue"
        yield Concern(
            level,
            f"the scan ends {quality.coverage_s:.0f} s after the artery's peak, before the bolus has left "
            f"({', '.join(cut)} too early): {quality.unseen_share:.0%} of {tissue}'s CBV is extrapolated; "
            "core and hypoperfused tissue may be too large or too small",
        )
    if quality.arrival_s > ARRIVAL_S:
        yield Concern(
            "caution", f"contrast arrives {quality.arrival_s:.0f} s after the first frame, later than {ARRIVAL_S:g} s"
        )


def _contrast(quality: MeasurementQuality) -> Iterator[Concern]:
    """Too little contrast, or an artery that is not one."""
    ratio, peak, factor = quality.contrast_to_noise, quality.artery_peak_hu, quality.partial_volume
    if ratio < CONTRAST_TO_NOISE:
        level: Level = "unusable" if ratio < UNUSABLE_CONTRAST_TO_NOISE else "caution"
        yield Concern(
            level,
            f"healthy tissue rises by {ratio:.2f} times its noise, less than {CONTRAST_TO_NOISE:g}: noise counts as "
            "core",
        )
    if peak < ARTERY_PEAK_HU:
        yield Concern(
            "caution",
            f"the artery rises by {peak:.0f} HU, less than {ARTERY_PEAK_HU:g} HU: low dose, or a small artery",
        )
    low, high = PARTIAL_VOLUME
    if not low <= factor <= high:
        yield Concern(
            "caution",
            f"the artery was multiplied by {factor:.2f} for partial volume, usual are {low:g} to {high:g}: look at the "
            "artery in vessels.png",
        )


def _motion(quality: MeasurementQuality) -> Iterator[Concern]:
    """Motion that correction left over, or cannot see."""
    if quality.motion_left_mm > MOTION_LEFT_MM:
        yield Concern(
            "caution",
            f"after correction of motion the skull's edges are up to {quality.motion_left_mm:.1f} mm off, more than "
            f"{MOTION_LEFT_MM:g} mm",
        )
    if quality.motion_mm > MOTION_MM:
        yield Concern("caution", f"the head moved by {quality.motion_mm:.0f} mm, more than {MOTION_MM:g} mm")
    if not quality.motion_in_space:
        moved = quality.motion_mm > IN_PLANE_MOTION_MM
        yield Concern(
            "caution" if moved else "ok",
            f"motion out of the planes of {quality.slices} slices cannot be corrected; in the planes the head moved by "
            f"{quality.motion_mm:.1f} mm",
        )


def _tissue(quality: MeasurementQuality) -> Iterator[Concern]:
    """Tissue that is missing from the maps."""
    if quality.tissue_share < TISSUE_SHARE:
        yield Concern(
            "caution",
            f"grey and white matter are {quality.tissue_share:.0%} of the inside of the skull, less than "
            f"{TISSUE_SHARE:.0%}: the rest is in no volume",
        )
    if abs(quality.tissue_asymmetry) > TISSUE_ASYMMETRY:
        less = "right" if quality.tissue_asymmetry > 0 else "left"
        yield Concern(
            "caution",
            f"the {less} half has a tissue share lower by {abs(quality.tissue_asymmetry):.0%}, more than "
            f"{TISSUE_ASYMMETRY:.0%}: a part of the lesion may be missing, or the midline is wrong",
        )


def _midline(quality: MeasurementQuality) -> Iterator[Concern]:
    """Hemispheres that may be divided in the wrong place."""
    if not quality.midline_found:
        yield Concern(
            "caution",
            "no midline was found; the image's axis divides the hemispheres: look at the sides in summary.png",
        )


def _core(name: str, core_ml: float, elsewhere_ml: float, hypoperfused_ml: float) -> Iterator[Concern]:
    """A core that cannot be right."""
    if elsewhere_ml > OTHER_SIDE_CORE_ML:
        level: Level = "unusable" if elsewhere_ml > UNUSABLE_OTHER_SIDE_CORE_ML else "caution"
        yield Concern(
            level,
            f"{elsewhere_ml:.0f} mL of the other hemisphere meet the {name}'s definition too: the core may be too "
            "large by a similar volume",
        )
    if core_ml > max(hypoperfused_ml, LEAST_CORE_ML):
        yield Concern(
            "caution",
            f"the {name} of {core_ml:.0f} mL is larger than the hypoperfused tissue of {hypoperfused_ml:.0f} mL: "
            "reperfusion, truncation or noise",
        )


def _scale(quality: MeasurementQuality, readouts: Readouts) -> Iterator[Concern]:
    """A core without a sharp edge, or on which CBV and CBF do not agree."""
    low = min(quality.core_low_ml, quality.core_rcbf_low_ml)
    high = max(quality.core_high_ml, quality.core_rcbf_high_ml)
    if high - low > CORE_RANGE_ML:
        cbv, cbf = readouts.core_cbv_ml, readouts.core_rcbf_ml
        yield Concern(
            "caution",
            f"the core is {low:.0f} to {high:.0f} mL if CBV and relative CBF are up to {SCALE_ERROR:.0%} off: its edge "
            f"is not sharp, or CBV ({cbv:.0f} mL) and CBF ({cbf:.0f} mL) do not agree; either may be as wrong",
        )
