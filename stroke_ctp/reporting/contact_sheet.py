"""Contact sheet of a cohort: pictures, curves and warnings for every patient."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8
from markupsafe import Markup
from PIL import Image
from scipy.ndimage import gaussian_filter

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.geometry import N_BASELINE, N_PIXELS, STANDARD_TIMES
from stroke_ctp.common.masks import soft_tissue_mask
from stroke_ctp.reporting.bolus_curves import bolus_curves, mean_curve
from stroke_ctp.reporting.caveats import origin_text
from stroke_ctp.reporting.figures.flowchart import draw_flowchart, flow_sentence
from stroke_ctp.reporting.html import embedded, render
from stroke_ctp.reporting.quality_text import acquisition_text, concerns
from stroke_ctp.study.run_folder import CohortReference

_BASELINE_HU, _RISE_HU = (0.0, 80.0), (0.0, 30.0)
"""Display windows of the pictures."""
_WIDTH, _HEIGHT = 220, 72
"""Size of a plot [CSS pixel]."""


@dataclass(frozen=True)
class Line:
    """A curve of a plot."""

    name: str
    points: str
    """For the attribute `points` of SVG."""


@dataclass(frozen=True)
class Plot:
    """Small curves over time."""

    title: str
    text: str
    """The same in words."""
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Card:
    """One patient."""

    anchor: str
    patient: str
    acquisition: str
    """Slices and how they were chosen, frames and noise."""
    concerns: tuple[str, ...]
    """Reasons to inspect the patient; usually none."""
    picture: Markup
    plots: tuple[Plot, ...]


def write_contact_sheet(cohort: Cohort) -> None:
    """Write the contact sheet of a cohort, unless there is one of the same content."""
    counts = asdict(cohort.description.counts)
    mark = f"<!-- cohort {cohort.description.hash} of {counts['patients']} -->"
    page = cohort.files.contact_sheet
    if page.exists() and mark in page.read_text("utf-8"):
        return
    cards = list(_cards(cohort))
    content = {
        "mark": Markup(mark),
        "n": len(cards),
        "origin": origin_text(CohortReference.of(cohort), None),
        "flowchart": embedded(draw_flowchart(counts), flow_sentence("Cohort", counts)),
        "flow": flow_sentence("Cohort", counts),
        "excluded": cohort.excluded.to_dict("records"),
        "cards": cards,
        "concerns": [card for card in cards if card.concerns],
    }
    cohort.files.write_contact_sheet(render("contact_sheet.html", content))


def _cards(cohort: Cohort) -> Iterator[Card]:
    quality = dict(cohort.quality.set_index("patient").iterrows())
    motions = dict(list(cohort.motion.groupby("patient")))
    first: dict[bytes, str] = {}
    for number, patient in enumerate(cohort.patients):
        series = cohort.series(number).astype(np.float32)
        row = {str(name): value for name, value in quality[patient].items()}
        twin = first.setdefault(hashlib.sha256(series.tobytes()).digest(), patient)
        yield Card(
            anchor=f"patient-{number}",
            patient=patient,
            acquisition=acquisition_text(row),
            concerns=tuple(_concerns(row, None if twin == patient else twin)),
            picture=_picture(series, patient),
            plots=(_bolus_plot(series), _motion_plot(motions[patient])),
        )


def _concerns(row: Mapping[str, Any], twin: str | None) -> Iterator[str]:
    if twin is not None:
        yield f"the same series as {twin}: one brain could fall on both sides of a split"
    yield from concerns(row)


def _picture(series: Float[np.ndarray, "2 32 height width"], patient: str) -> Markup:
    """Both levels at baseline and at peak enhancement, side by side."""
    tiles = []
    for level in series:
        baseline = level[:N_BASELINE].mean(axis=0)
        rise = gaussian_filter(level - baseline, (1.0, 1.0, 1.0))
        peak = int(mean_curve(rise, soft_tissue_mask(baseline)).argmax())
        tiles += [_grey(baseline, _BASELINE_HU), _grey(rise[peak], _RISE_HU)]
    content = BytesIO()
    Image.fromarray(np.concatenate(tiles, axis=1)).save(content, format="jpeg", quality=82)
    data = base64.b64encode(content.getvalue()).decode()
    words = f"{patient}: basal ganglia level at baseline and at peak enhancement, supraganglionic level the same"
    return Markup('<img src="data:image/jpeg;base64,{}" alt="{}" width="{}" height="{}">').format(
        data, words, len(tiles) * N_PIXELS, N_PIXELS
    )


def _grey(hu: Float[np.ndarray, "height width"], window: tuple[float, float]) -> UInt8[np.ndarray, "height width"]:
    low, high = window
    return np.clip((hu - low) / (high - low) * 255, 0, 255).astype(np.uint8)


def _bolus_plot(series: Float[np.ndarray, "2 32 height width"]) -> Plot:
    """Enhancement of artery and tissue."""
    artery, tissue = bolus_curves(series)
    text = f"artery to {artery.max():.0f} HU at {_at(artery):g} s, tissue to {tissue.max():.1f} HU at {_at(tissue):g} s"
    curves = (("artery", artery), ("tissue", tissue))
    times = STANDARD_TIMES
    lines = tuple(_line(name, times, curve, min(0.0, float(curve.min())), float(curve.max())) for name, curve in curves)
    return Plot("Enhancement, each to its own peak", text, lines)


def _at(curve: Float[np.ndarray, " time"]) -> float:
    return float(STANDARD_TIMES[curve.argmax()])


def _motion_plot(rows: pd.DataFrame) -> Plot:
    """Displacement of the head's centre in every frame."""
    top = max(2.0, float(rows.translation_mm.max()))
    lines = []
    for level, of_level in rows.groupby("level", sort=False):
        acquired = of_level[of_level.time_s.notna()]
        times, moved = acquired.time_s.to_numpy(), acquired.translation_mm.to_numpy()
        lines.append(_line(str(level).replace("_", " "), times, moved, 0.0, top))
    text = f"head moved by at most {rows.translation_mm.max():.1f} mm and {rows.rotation_deg.max():.1f}°"
    return Plot(f"Motion, to {top:.1f} mm", text, tuple(lines))


def _line(name: str, times: np.ndarray, values: np.ndarray, low: float, high: float) -> Line:
    x = times / max(1e-6, float(np.max(times))) * _WIDTH
    y = _HEIGHT - (values - low) / max(1e-6, high - low) * (_HEIGHT - 2) - 1
    return Line(name, " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)))
