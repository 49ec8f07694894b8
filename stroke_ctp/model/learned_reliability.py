"""How far the network's maps of a scan can be trusted: what it was not trained for, and where others disagree."""

from collections.abc import Iterator

from stroke_ctp.hemodynamics.learned_analysis import LearnedQuality
from stroke_ctp.hemodynamics.readouts import Readouts
from stroke_ctp.hemodynamics.reliability import CORE_RANGE_ML, Concern, Reliability
from stroke_ctp.model.trained_range import INTERVAL_S, LATEST_S, LEVELS_MM, NOISE_HU, SHORTEST_S


def judge_learned(quality: LearnedQuality, core_ml: float, deconvolved: Readouts | None) -> Reliability:
    """Judge the network's maps of a scan.

    Args:
        quality: What the scan is like.
        core_ml: The network's core [mL].
        deconvolved: Of the same scan by deconvolution; None if that cannot measure it.
    """
    return Reliability((*_untrained(quality), *_disagreement(core_ml, deconvolved)))


def _untrained(quality: LearnedQuality) -> Iterator[Concern]:
    """What the training did not show."""
    shortest, longest = INTERVAL_S
    noise = quality.noise_hu or 0.0
    found = {
        f"noise is {noise:.1f} HU, more than {NOISE_HU[1]:g} HU": noise > NOISE_HU[1],
        f"frames lie {quality.frame_interval_s:.2g} s apart, not {shortest:g} to {longest:g} s": not (
            shortest <= quality.frame_interval_s <= longest
        ),
        f"the scan ends after {quality.duration_s:.0f} s, before {SHORTEST_S:g} s": quality.duration_s < SHORTEST_S,
        f"contrast does not arrive within {LATEST_S:g} s": quality.arrival_s is None or quality.arrival_s > LATEST_S,
        "the brain is cut by the field of view": quality.cut_by_field,
        "one slice shows the brain, not two or more": quality.slices == 1,
    }
    for reason, applies in found.items():
        if applies:
            yield Concern("caution", f"the network was not trained for this scan: {reason}")
    if quality.noise_hu is None:
        yield Concern("caution", "noise could not be measured: the network may not have been trained for it")
    low, high = LEVELS_MM
    if quality.slab_mm > high - low:
        yield Concern(
            "ok",
            f"the network was trained on slices from {-low:g} mm below to {high:g} mm above the basal ganglia level; "
            f"some slices of this slab of {quality.slab_mm:.0f} mm lie outside",
        )


def _disagreement(core_ml: float, deconvolved: Readouts | None) -> Iterator[Concern]:
    """A core that neither definition of the deconvolution comes near to."""
    if deconvolved is None:
        return
    least, most = sorted(deconvolved.core_ml.values())
    if not least - CORE_RANGE_ML <= core_ml <= most + CORE_RANGE_ML:
        yield Concern(
            "caution",
            f"the network's core is {core_ml:.0f} mL, deconvolution gives {least:.0f} and {most:.0f} mL: look at both",
        )
