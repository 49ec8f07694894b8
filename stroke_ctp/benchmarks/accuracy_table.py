"""Agreement of measured with true volumes over many scans, as a whole and by what the scans were like."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from stroke_ctp.benchmarks.markdown import row
from stroke_ctp.benchmarks.simulated_scans import LEAST_ML
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS, HYPOPERFUSED_TMAX
from stroke_ctp.hemodynamics.readouts import NORMAL_TMAX
from stroke_ctp.hemodynamics.reliability import CORE_RANGE_ML, LEVELS
from stroke_ctp.reporting.number_text import estimate_text, number_text
from stroke_ctp.statistics.agreement import differences
from stroke_ctp.statistics.operating_points import proportion

_SPREAD = (
    ("interval_s", "interval {} s", (1, 1.6, 2.3, 3)),
    ("duration_s", "duration {} s", (30, 45, 60, 75)),
    ("noise_hu", "noise {} HU", (2, 3.3, 4.7, 6)),
    ("white_hu", "white matter {} HU", (20, 24, 28, 32)),
    ("hypodensity_hu", "hypodensity {} HU", (0, 4, 8)),
)
"""Conditions by column, their name, and where they are divided."""
_HEADINGS = (
    *("scans", "number", "refused", "caution", "unusable", "bias [mL]", "95 % limits [mL]", "Dice"),
    *(f"error > {CORE_RANGE_ML:g} mL", "of these without a flag"),
)


@dataclass(frozen=True)
class Agreement:
    """How well a volume is measured (Bland and Altman, Lancet 1986); NaN where too few scans are measured."""

    scans: int
    refused: int
    """Scans without a measurement."""
    caution: int
    """Scans with one that is said to need caution."""
    unusable: int
    """Scans with one that is said to be unusable."""
    bias_ml: float
    """Mean of measured minus true volume [mL]."""
    limits_ml: tuple[float, float]
    """95 % limits of agreement [mL]."""
    dice: float
    """Median over the scans whose slices hold such tissue."""
    large_errors: int
    """Scans with an error above `reliability.CORE_RANGE_ML`."""
    unflagged_errors: int
    """Those of them that nothing warns of."""


def agreement(scans: pd.DataFrame, volume: str, true: str = "true_ml", reliability: str = "reliability") -> Agreement:
    """Agreement of one measured volume with the true one.

    Args:
        scans: One line per scan: of the volume `NAME_ml` [mL], missing if the scan was refused, and `NAME_dice`,
            missing where there is nothing to find.
        volume: Its name.
        true: Column of the true volume [mL]; by default the core's.
        reliability: Column of the volume's reliability (ok, caution, unusable).
    """
    error = scans[f"{volume}_ml"] - scans[true]
    level = scans[reliability].where(error.notna())
    measured = scans[error.notna()]
    limits = differences(measured[f"{volume}_ml"].to_numpy(float), measured[true].to_numpy(float))
    large = error.abs() > CORE_RANGE_ML
    return Agreement(
        scans=len(scans),
        refused=int(error.isna().sum()),
        caution=int(level.eq("caution").sum()),
        unusable=int(level.eq("unusable").sum()),
        bias_ml=float(error.mean()),
        limits_ml=(limits.low, limits.high),
        dice=float(scans[f"{volume}_dice"].median()),
        large_errors=int(large.sum()),
        unflagged_errors=int((large & level.eq("ok")).sum()),
    )


def agreement_table(scans: pd.DataFrame, volume: str, true: str = "true_ml", reliability: str = "reliability") -> str:
    """Markdown: agreement over all scans, then over those of a kind; arguments as of `agreement`."""
    lines = [row(*_HEADINGS), row(*["---"] * len(_HEADINGS))]
    for name, group in [("all", scans), *_groups(scans, reliability)]:
        lines.append(row(*_cells(name, agreement(group, volume, true, reliability))))
    return "\n".join(lines)


def flag_table(scans: pd.DataFrame) -> str:
    """Markdown: how many scans have a flag, by the larger error of both cores, with Wilson's 95 % interval.

    Args:
        scans: As of `agreement`; refused ones do not count.
    """
    measured = scans[scans["reliability"].notna()]
    errors = measured[[f"{name}_ml" for name in DEFINITIONS]].sub(measured["true_ml"], axis=0).abs().max(axis=1)
    rows = {
        f"error of a core > {CORE_RANGE_ML:g} mL": errors > CORE_RANGE_ML,
        f"errors of both cores ≤ {CORE_RANGE_ML:g} mL": errors <= CORE_RANGE_ML,
        f"errors of both cores ≤ {CORE_RANGE_ML / 2:g} mL": errors <= CORE_RANGE_ML / 2,
    }
    lines = [row("scans", "number", "with a flag", "share"), row(*["---"] * 4)]
    for name, those in rows.items():
        flagged, number = int(measured.loc[those, "reliability"].ne("ok").sum()), int(those.sum())
        share = proportion(flagged, number, "no such scan")
        lines.append(row(name, f"{number}", f"{flagged}", estimate_text(share)))
    return "\n".join(lines)


def bracket_sentence(scans: pd.DataFrame) -> str:
    """How often the volumes at Tmax > 6 s and > 4 s enclose the tissue that is truly hypoperfused.

    Args:
        scans: As of `agreement`, with `true_hypoperfused_ml`, `hypoperfused_ml` and `tmax4_ml` [mL].
    """
    measured = scans[scans["hypoperfused_ml"].notna()]
    true = measured["true_hypoperfused_ml"]
    low, high = measured["hypoperfused_ml"] > true, measured["tmax4_ml"] < true
    return (
        f"Of {len(measured)} scans, {int((~low & ~high).sum())} have their hypoperfused tissue between the volumes at "
        f"Tmax > {HYPOPERFUSED_TMAX:g} s and > {NORMAL_TMAX:g} s, {int(low.sum())} less, {int(high.sum())} more"
    )


def _groups(scans: pd.DataFrame, reliability: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Scans of a kind, and its name; kinds without a scan are left out."""
    kinds: dict[str, pd.Series] = {}
    for column, name, edges in _SPREAD:
        parts = pd.cut(scans[column], edges, labels=False, include_lowest=True)
        for part, (low, high) in enumerate(pairwise(edges)):
            kinds[name.format(f"{low:g} to {high:g}")] = parts.eq(part)
    kinds |= {
        "ordinary scans": _ordinary(scans),
        "head at rest": ~scans["moving"],
        "moving head": scans["moving"],
        "less contrast": scans["dose"] < 1,
        "slabs below 80 mm": scans["slices"] * scans["thickness_mm"] < 80,
        f"core below {LEAST_ML:g} mL": scans["true_ml"] < LEAST_ML,
        **{str(level): scans[reliability].eq(level) for level in LEVELS},
    }
    return ((name, scans[those]) for name, those in kinds.items() if those.any())


def _ordinary(scans: pd.DataFrame) -> "pd.Series[bool]":
    """Which scans are as in usual clinical practice (assumed)."""
    good = scans["duration_s"].ge(48) & scans["noise_hu"].le(4) & scans["white_hu"].ge(25)
    return good & scans["dose"].eq(1)


def _cells(name: str, found: Agreement) -> list[str]:
    low, high = found.limits_ml
    return [
        *(name, f"{found.scans}", f"{found.refused}", f"{found.caution}", f"{found.unusable}"),
        _number(found.bias_ml, 1),
        f"{_number(low, 0)} to {_number(high, 0)}",
        _number(found.dice, 2),
        *(f"{found.large_errors}", f"{found.unflagged_errors}"),
    ]


def _number(value: float, decimals: int) -> str:
    return "–" if pd.isna(value) else number_text(value, decimals)
