"""The same patients by every method: what the article's network goes by, what the perfusion network and maps show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from stroke_ctp.common.geometry import STANDARD_TIMES
from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.figures.style import BLUE, ORANGE, PAGE, VERMILION, Picture, figure
from stroke_ctp.reporting.results.patient_evidence import PatientEvidence
from stroke_ctp.reporting.results.same_patients import ARTICLE

Levels = Float[np.ndarray, "level height width"]

_INCH = 25.4
_LEFT_MM, _IMAGE_MM, _GAP_MM = 42.5, 19.1, 0.5
_TITLE_MM, _HEAD_MM, _FOOT_MM = 12.0, 6.0, 22.0
"""Of column titles, of the line about a patient, of the scales and what is signed below."""
_WINDOW = Normalize(0, 80)
_HEAD_HU = -200.0
_MARGIN_PIXELS = 2


@dataclass(frozen=True)
class _Column:
    """One kind of picture."""

    title: str
    colours: str
    norm: Normalize
    values: Callable[[PatientEvidence], Levels | None]
    """None where a method has nothing to show."""
    outline: Callable[[PatientEvidence], Bool[np.ndarray, "level height width"] | None] = lambda _: None
    over_head: bool = False
    """Whether the head is seen where the value is near zero."""
    ends: tuple[str, str] | None = None
    """Labels of the scale's ends, where numbers would say nothing."""


def _overlay(evidence: PatientEvidence, name: str) -> Levels | None:
    """A map of the perfusion network."""
    if evidence.perfusion is None:
        return None
    return next(one.values for one in evidence.perfusion.overlays if one.name == name)


def _contribution(evidence: PatientEvidence) -> Levels | None:
    """The article's network over places, relative to the strongest."""
    if evidence.article is None:
        return None
    values = evidence.article.overlays[0].values
    return values / max(float(np.abs(values).max()), 1e-9)


def _conventional(evidence: PatientEvidence, name: str) -> Levels | None:
    measured = evidence.conventional
    return None if measured is None else np.where(measured.passage.tissue, getattr(measured.maps, name), np.nan)


def _network_core(evidence: PatientEvidence) -> Bool[np.ndarray, "level height width"] | None:
    probability = _overlay(evidence, "core")
    return None if probability is None else np.nan_to_num(probability) > 0.5


def _core(evidence: PatientEvidence, name: str) -> Bool[np.ndarray, "level height width"] | None:
    return None if evidence.conventional is None else evidence.conventional.lesion.core[name]


_COLUMNS = (
    _Column("Without contrast\n[HU]", "gray", _WINDOW, lambda evidence: evidence.head),
    _Column(
        "Article's network\ncontribution", "RdBu_r", Normalize(-1, 1), _contribution,
        over_head=True, ends=("small", "large"),
    ),
    _Column(
        "Perfusion network\nP(core)", "magma", Normalize(0, 1), partial(_overlay, name="core"),
        _network_core, over_head=True,
    ),
    _Column("Perfusion network\nCBV [mL/100 mL]", "cividis", Normalize(0, 5), partial(_overlay, name="cbv")),
    _Column("Perfusion network\ndelay [s]", "inferno", Normalize(0, 12), partial(_overlay, name="delay")),
    _Column(
        "Deconvolution\nCBV [mL/100 mL]", "cividis", Normalize(0, 5), partial(_conventional, name="cbv"),
        partial(_core, name="cbv"),
    ),
    _Column(
        "Deconvolution, CBF\n[mL/100 mL/min]", "cividis", Normalize(0, 60), partial(_conventional, name="cbf"),
        partial(_core, name="rcbf"),
    ),
)  # fmt: skip


def same_patients(patients: Sequence[PatientEvidence]) -> Picture:
    """Draw some patients, both levels of each, by every method."""
    block_mm = _HEAD_MM + 2 * (_IMAGE_MM + _GAP_MM)
    height_mm = _TITLE_MM + len(patients) * block_mm + _FOOT_MM
    crop = _crop([evidence.head for evidence in patients])
    with figure(PAGE, height_mm / _INCH) as drawn:
        drawn.set_layout_engine("none")
        new_axes = partial(_new_axes, drawn, height_mm)
        for number, evidence in enumerate(patients):
            top = _TITLE_MM + number * block_mm
            _text(drawn, height_mm, 1.0, top + 1, _title(evidence), size=7.5, weight="bold")
            _text(drawn, height_mm, 1.0, top + _HEAD_MM, _calls(evidence), size=6.5, linespacing=1.35)
            _draw_frames(new_axes(6.0, top + _HEAD_MM + 22, _LEFT_MM - 9, 11.0), evidence)
            for place, column in enumerate(_COLUMNS):
                for level in range(2):
                    x = _LEFT_MM + place * (_IMAGE_MM + _GAP_MM)
                    axes = new_axes(x, top + _HEAD_MM + level * (_IMAGE_MM + _GAP_MM), _IMAGE_MM, _IMAGE_MM)
                    _draw(axes, column, evidence, level, crop)
        for place, column in enumerate(_COLUMNS):
            x = _LEFT_MM + place * (_IMAGE_MM + _GAP_MM)
            _text(drawn, height_mm, x + _IMAGE_MM / 2, _TITLE_MM - 1, column.title, size=5.7, ha="center", va="bottom")
            _draw_scale(new_axes(x + 2, height_mm - _FOOT_MM + 3, _IMAGE_MM - 4, 1.6), column)
    return Picture("same_patients", "The same patients by every method", _caption(patients), drawn)


def _caption(patients: Sequence[PatientEvidence]) -> str:
    groups = "; ".join(f"{one.chosen.group} ({one.chosen.group_size})" for one in patients)
    return (
        "One test patient for each combination of right and wrong calls at the fixed threshold of Youden's point: the "
        f"one with the group's median core volume (number of patients): {groups}. Both levels, by the fits that "
        "tested the patient. The article's network keeps one maximum per feature, level and frame: its "
        "contributions to the log odds (integrated gradients; red: towards a large core) are of frames, left, and of "
        "regions of 25 mm, but not of tissue, perfusion or volume. Outlines: core by each method."
    )


def _title(evidence: PatientEvidence) -> str:
    chosen = evidence.chosen
    volume = "volume unknown" if np.isnan(chosen.core_ml) else f"core of {chosen.core_ml:.0f} mL"
    truth = f"{volume}, {_class(chosen.is_large)}"
    return f"{chosen.patient}: {truth}. {chosen.group[0].upper()}{chosen.group[1:]}."


def _calls(evidence: PatientEvidence) -> str:
    """Probability and class by each model, on a line each."""
    chosen = evidence.chosen
    lines = ["Probability of a large core, call:"]
    for model, call in chosen.calls.items():
        name = "Article's" if model == ARTICLE else display_name(model).removesuffix(" network")
        mark = "right" if call.large == chosen.is_large else "wrong"
        lines.append(f"{name}: {call.probability:.2f}, {_class(call.large)}, {mark}")
    return "\n".join(lines)


def _class(large: bool) -> str:
    return "large" if large else "small"


def _draw_frames(axes: Axes, evidence: PatientEvidence) -> None:
    """Contributions of the frames to the article's log odds, both levels together."""
    axes.tick_params(labelsize=5, length=2, pad=1)
    axes.set_xlabel("Article's network: frames [s]", size=6, labelpad=1)
    if evidence.article is None or evidence.article.contributions is None:
        axes.text(0.5, 0.5, "not known", size=6, ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    total = evidence.article.contributions.sum(axis=0)
    colours = [VERMILION if value > 0 else BLUE for value in total]
    axes.bar(STANDARD_TIMES[: len(total)], total, width=1.2, color=colours, linewidth=0)
    axes.axhline(0, color="black", linewidth=0.4)
    axes.set(xlim=(-1.5, 48), xticks=(0, 20, 40))
    axes.locator_params(axis="y", nbins=3)


def _draw(axes: Axes, column: _Column, evidence: PatientEvidence, level: int, crop: tuple[slice, slice]) -> None:
    axes.set_axis_off()
    head = evidence.head[level][crop]
    values = column.values(evidence)
    if values is None:
        axes.text(0.5, 0.5, "not\nmeasurable", size=6, ha="center", va="center", transform=axes.transAxes)
        return
    shown = values[level][crop]
    colours = colormaps[column.colours].with_extremes(bad="black")
    if column.over_head:
        axes.imshow(head, cmap="gray", norm=_WINDOW, interpolation="nearest")
        strength = np.clip(1.6 * np.abs(np.nan_to_num(shown)), 0, 0.85)
        axes.imshow(np.nan_to_num(shown), cmap=colours, norm=column.norm, alpha=strength, interpolation="nearest")
    else:
        axes.imshow(shown, cmap=colours, norm=column.norm, interpolation="nearest")
    outline = column.outline(evidence)
    if outline is not None and outline[level][crop].any():
        axes.contour(outline[level][crop], levels=[0.5], colors=[ORANGE], linewidths=0.7)


def _draw_scale(axes: Axes, column: _Column) -> None:
    low, high = float(column.norm.vmin or 0), float(column.norm.vmax or 1)
    bar = axes.figure.colorbar(ScalarMappable(column.norm, column.colours), cax=axes, orientation="horizontal")
    bar.set_ticks([low, high], labels=column.ends or (f"{low:g}", f"{high:g}"))
    bar.outline.set_linewidth(0.3)
    axes.tick_params(labelsize=6, length=1.5, pad=1)
    lowest, highest = axes.get_xticklabels()
    lowest.set_horizontalalignment("left")
    highest.set_horizontalalignment("right")


def _crop(heads: Sequence[Levels]) -> tuple[slice, slice]:
    """A square that holds all heads."""
    inside = np.stack(heads).max(axis=(0, 1)) > _HEAD_HU
    ends = []
    for axis in (1, 0):
        places = np.flatnonzero(inside.any(axis=axis)) if inside.any() else np.arange(inside.shape[0])
        ends.append((places[0], places[-1]))
    half = max(last - first for first, last in ends) // 2 + 1 + _MARGIN_PIXELS
    rows, columns = ((first + last) // 2 for first, last in ends)
    return slice(max(0, rows - half), rows + half + 1), slice(max(0, columns - half), columns + half + 1)


def _new_axes(drawn: Figure, height_mm: float, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in millimetres from the upper left corner."""
    wide = PAGE * _INCH
    return drawn.add_axes((left / wide, 1 - (top + height) / height_mm, width / wide, height / height_mm))


def _text(drawn: Figure, height_mm: float, left: float, top: float, words: str, **look: Any) -> None:
    drawn.text(left / (PAGE * _INCH), 1 - top / height_mm, words, **({"va": "top"} | look))
