"""What a colleague sees of one patient: one offline HTML file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.cohort.standard_series import StandardSeries
from stroke_ctp.common.files import atomic_write
from stroke_ctp.common.geometry import LEVELS, N_BASELINE, N_PIXELS, STANDARD_TIMES
from stroke_ctp.model.registry import name_apart
from stroke_ctp.reporting.bolus_curves import bolus_curves
from stroke_ctp.reporting.html import render
from stroke_ctp.reporting.model_text import endpoint_text
from stroke_ctp.reporting.number_text import number_text
from stroke_ctp.reporting.page_mark import page_comment
from stroke_ctp.reporting.patient.pictures import colour_tables, frames_content, overlay_content
from stroke_ctp.reporting.patient.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    contribution_bars,
    curve_plots,
    histogram_bars,
    time_ticks,
)
from stroke_ctp.reporting.patient.sentences import (
    answer_sentence,
    class_sentences,
    confidence_sentences,
    origin_sentences,
    scale_sentence,
    volume_sentence,
)
from stroke_ctp.reporting.quality_text import acquisition_text, concerns
from stroke_ctp.study.out_of_fold import OutOfFold
from stroke_ctp.study.patient_findings import PatientFindings
from stroke_ctp.study.prediction_folder import PatientPrediction

_OWN, _CONVENTIONAL = "Maps of the model", "Conventional maps"
_ABOUT_CONVENTIONAL = (
    "By deconvolution of these two levels with an arterial input function, which the model does not use. "
    "python -m stroke_ctp.perfusion analyses the whole scan."
)


@dataclass(frozen=True)
class PatientCase:
    """A patient who was scored, and what belongs to the answer."""

    title: str
    """Name of the patient in the manifest, or of the scan's file."""
    series: StandardSeries
    prediction: PatientPrediction
    """With probabilities."""
    findings: PatientFindings
    endpoint: Endpoint
    reference: OutOfFold
    made_with: Mapping[str, Any]
    """Study, model, members, versions."""
    is_simulated: bool = False
    """Whether the manifest says so of the patient."""


def write_patient_page(path: Path, case: PatientCase, mark: str) -> None:
    """Write the page of a patient; it needs no network, and holds no name but the title.

    Args:
        path: The HTML file.
        case: The patient.
        mark: Written into the page, to tell later what it was made of.
    """
    with atomic_write(path) as partial:
        content = _content(case) | {"mark": page_comment(mark)}
        partial.write_text(render("patient.html", content), encoding="utf-8")


def _content(case: PatientCase) -> dict[str, Any]:
    prediction, reference, quality = case.prediction, case.reference, case.series.quality
    series = case.series.hu.astype(np.float32)
    explanation = case.findings.explanation
    contributions = None if explanation is None else explanation.contributions
    return {
        "title": case.title,
        "model": name_apart(str(case.made_with["model"])),
        "simulated": case.is_simulated,
        "origin": list(origin_sentences(reference, case.is_simulated)),
        "answer": answer_sentence(prediction, case.endpoint),
        "confidence": [*class_sentences(prediction), *confidence_sentences(prediction, reference)],
        "scale_text": scale_sentence(prediction, reference),
        "bars": histogram_bars(reference.probability, reference.label),
        "members": list(prediction.members.values()),
        "probability": prediction.probability,
        "probability_text": number_text(prediction.probability or 0.0),
        "volume": volume_sentence(prediction),
        "concerns": list(concerns(quality)),
        "acquisition": acquisition_text(quality),
        "levels": [level.replace("_", " ") for level in LEVELS],
        "slices": [quality[f"{level}_slice"] for level in LEVELS],
        "groups": list(_groups(case.findings)),
        "plots": curve_plots(series),
        "time_ticks": time_ticks(),
        "contributions": {} if contributions is None else contribution_bars(contributions),
        "provenance": list(_provenance(case)),
        "data": _data(series, case.findings),
    }


def _groups(findings: PatientFindings) -> Iterator[dict[str, str]]:
    """Headings of the maps, and how they are to be read."""
    if findings.explanation is not None:
        yield {"title": _OWN, "text": findings.explanation.text}
    reason = f"They cannot be made of this scan: {findings.missing}." if findings.missing else _ABOUT_CONVENTIONAL
    yield {"title": _CONVENTIONAL, "text": reason}


def _data(series: Float[np.ndarray, "level time height width"], findings: PatientFindings) -> dict[str, Any]:
    """What the script of the page reads."""
    _, tissue = bolus_curves(series)
    maps = [(_OWN, overlay) for overlay in findings.own] + [(_CONVENTIONAL, overlay) for overlay in findings.others]
    return {
        "size": N_PIXELS,
        "baseline": N_BASELINE,
        "times": STANDARD_TIMES.tolist(),
        "start": int(tissue.argmax()),
        "levels": [level.replace("_", " ") for level in LEVELS],
        "frames": frames_content(series),
        "overlays": [
            overlay_content(overlay) | {"number": number, "group": group, "is_own": group == _OWN}
            for number, (group, overlay) in enumerate(maps)
        ],
        "colours": colour_tables(),
        "plot": {"width": WIDTH, "height": HEIGHT, "left": LEFT, "bottom": BOTTOM, "top": TOP},
    }


def _provenance(case: PatientCase) -> Iterator[tuple[str, str]]:
    yield "large core", endpoint_text(case.endpoint)
    for name, value in case.made_with.items():
        if name == "endpoint" or value is None:
            continue
        yield name, ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
