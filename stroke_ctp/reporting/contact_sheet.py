"""Every patient of a cohort at a glance, before anything is trained on them."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8
from markupsafe import Markup
from PIL import Image
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.files import read_json, whole
from stroke_ctp.reporting.figures.flowchart import draw_flowchart, flow_sentence
from stroke_ctp.reporting.html import embedded, render

NAME = "contact_sheet.html"
INTERVAL_S = 1.5
"""Between the frames of a standard series [s]."""
_N_BASELINE = 4
_BASELINE_HU, _RISE_HU = (0.0, 80.0), (0.0, 30.0)
"""What is black and white in the pictures."""
_TISSUE_HU = (10.0, 70.0)
_N_ARTERIAL = 12
"""Pixels whose mean is the arterial curve."""
_MOVED_MM = 5.0
"""Heads that moved farther deserve a look."""
_WIDTH, _HEIGHT = 220, 72
"""Of a plot [CSS pixel]."""


@dataclass(frozen=True)
class Line:
    """A curve of a plot."""

    name: str
    points: str
    """As SVG takes them."""


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
    facts: str
    concerns: tuple[str, ...]
    """Why the patient deserves a look; mostly nothing."""
    picture: Markup
    plots: tuple[Plot, ...]


def write_contact_sheet(cohort: Path) -> None:
    """Write `contact_sheet.html` of a cohort, unless the one that is there shows this very cohort.

    Args:
        cohort: Folder with `cohort.csv`, `cohort.json`, `quality.csv`, `motion.csv`, `excluded.csv` and the series.
    """
    summary = read_json(cohort / "cohort.json")
    mark = f"<!-- cohort {summary['hash']} of {summary['counts']['patients']} -->"
    page = cohort / NAME
    if page.exists() and mark in page.read_text("utf-8"):
        return
    cards = list(_cards(cohort))
    counts = summary["counts"]
    excluded = pd.read_csv(cohort / "excluded.csv", dtype=str, keep_default_na=False)
    content = {
        "mark": Markup(mark),
        "n": len(cards),
        "flowchart": embedded(draw_flowchart(counts), flow_sentence("Cohort", counts)),
        "flow": flow_sentence("Cohort", counts),
        "excluded": excluded.to_dict("records"),
        "cards": cards,
        "concerns": [card for card in cards if card.concerns],
    }
    with whole(page) as partial:
        partial.write_text(render("contact_sheet.html", content), "utf-8")


def _cards(cohort: Path) -> Iterator[Card]:
    included, quality, motion = (_table(cohort / f"{name}.csv") for name in ("cohort", "quality", "motion"))
    quality, motions = quality.set_index("patient"), dict(list(motion.groupby("patient")))
    first: dict[bytes, str] = {}
    for number, (patient, name) in enumerate(zip(included.patient, included["series"], strict=True)):
        series = np.load(cohort / "series" / name).astype(np.float32)
        row = quality.loc[patient]
        twin = first.setdefault(hashlib.sha256(series.tobytes()).digest(), patient)
        yield Card(
            anchor=f"patient-{number}",
            patient=patient,
            facts=_facts(row),
            concerns=tuple(_concerns(row, None if twin == patient else twin)),
            picture=_picture(series, patient),
            plots=(_bolus_plot(series), _motion_plot(motions[patient])),
        )


def _table(path: Path) -> pd.DataFrame:
    """A table of the cohort, in which a patient may be called NA."""
    return pd.read_csv(path, dtype={"patient": str, "series": str}, keep_default_na=False, na_values=[""])


def _facts(row: pd.Series) -> str:
    slices = f"slices {row['basal_ganglia_slice']} and {row['supraganglionic_slice']} by {row['levels_chosen_by']}"
    if row["levels_chosen_by"] == "ventricles":
        slices += f" (confidence {row['levels_confidence']:.2f})"
    times = f"{row['frames_acquired']} frames, at most {row['frame_interval_s']:g} s apart"
    return f"{slices}; {times}; noise {row['noise_sd_hu']:.1f} HU"


def _concerns(row: pd.Series, twin: str | None) -> Iterator[str]:
    if twin is not None:
        yield f"the same series as {twin}: one brain could fall on two sides of a split"
    if row["levels_chosen_by"] != "manifest":
        yield "levels were proposed, confirm them"
    if row["orientation"] == "assumed":
        yield "the file does not say how the patient lies, confirm that anterior is up, the patient's right on the left"
    if pd.isna(row["bolus_arrival_s"]):
        yield "no bolus arrives"
    if row["valid_frames"] < 32:
        yield f"only {row['valid_frames']} of 32 frames are valid"
    if row["frames_dropped"] > 0:
        yield f"{row['frames_dropped']} frames dropped for motion"
    if row["max_translation_mm"] > _MOVED_MM:
        yield f"head moved by {row['max_translation_mm']:.1f} mm"


def _picture(series: Float[np.ndarray, "2 32 height width"], patient: str) -> Markup:
    """Both levels at baseline and at peak enhancement, side by side."""
    tiles = []
    for level in series:
        baseline = level[:_N_BASELINE].mean(axis=0)
        rise = gaussian_filter(level - baseline, (1.0, 1.0, 1.0))
        peak = int(_curve(rise, _tissue(baseline)).argmax())
        tiles += [_grey(baseline, _BASELINE_HU), _grey(rise[peak], _RISE_HU)]
    content = BytesIO()
    Image.fromarray(np.concatenate(tiles, axis=1)).save(content, format="jpeg", quality=82)
    data = base64.b64encode(content.getvalue()).decode()
    words = f"{patient}: basal ganglia level at baseline and at peak enhancement, supraganglionic level the same"
    return Markup('<img src="data:image/jpeg;base64,{}" alt="{}" width="512" height="128">').format(data, words)


def _grey(hu: Float[np.ndarray, "height width"], window: tuple[float, float]) -> UInt8[np.ndarray, "height width"]:
    low, high = window
    return np.clip((hu - low) / (high - low) * 255, 0, 255).astype(np.uint8)


def _tissue(baseline: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    return (baseline > _TISSUE_HU[0]) & (baseline < _TISSUE_HU[1])


def _curve(
    rise: Float[np.ndarray, "time height width"], mask: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, " time"]:
    return rise[:, mask].mean(axis=1) if mask.any() else np.zeros(len(rise))


def _bolus_plot(series: Float[np.ndarray, "2 32 height width"]) -> Plot:
    """Mean enhancement of the tissue, and of the pixels that enhance most before it does."""
    baseline = series[:, :_N_BASELINE].mean(axis=1)
    rise = series - baseline[:, None]
    tissue = np.mean([_curve(r, _tissue(b)) for r, b in zip(rise, baseline, strict=True)], axis=0)
    until = max(_N_BASELINE + 1, int(tissue.argmax()) + 1)
    inside = np.stack([_tissue(b) for b in baseline])
    early = np.where(inside, gaussian_filter(rise[:, :until], (0, 1.0, 0, 0)).max(axis=1), -np.inf)
    chosen = np.unravel_index(np.argsort(early, axis=None)[-_N_ARTERIAL:], early.shape)
    artery = rise[chosen[0], :, chosen[1], chosen[2]].mean(axis=0)
    text = f"artery to {artery.max():.0f} HU at {_at(artery):g} s, tissue to {tissue.max():.1f} HU at {_at(tissue):g} s"
    curves = (("artery", artery), ("tissue", tissue))
    times = np.arange(len(tissue)) * INTERVAL_S
    lines = tuple(_line(name, times, curve, min(0.0, float(curve.min())), float(curve.max())) for name, curve in curves)
    return Plot("Enhancement, each to its own peak", text, lines)


def _at(curve: Float[np.ndarray, " time"]) -> float:
    return float(curve.argmax()) * INTERVAL_S


def _motion_plot(rows: pd.DataFrame) -> Plot:
    """How far the head's centre moved in every frame."""
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
