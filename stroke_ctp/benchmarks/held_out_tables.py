"""Tables of the perfusion network and conventional cores on held-out patients, by kind of scan."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from stroke_ctp.benchmarks.markdown import table
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.reporting.number_text import estimate_text, number_text
from stroke_ctp.statistics.auc import roc_auc
from stroke_ctp.statistics.delong import compare
from stroke_ctp.statistics.labels import Labels

METHODS = ("network", *DEFINITIONS)
"""Columns `METHOD_area` [cm²] and `METHOD_dice` of the table of cases hold what each found; NaN where nothing."""
_NAMES = {"network": "network", "cbv": "CBV core", "rcbf": "relative-CBF core"}


def comparison_table(cases: pd.DataFrame) -> str:
    """Markdown: AUC of each found area for a true area above the median of all patients, by kind of scan.

    Args:
        cases: One line per patient: `true` [cm²], what each of `METHODS` found, and `noise` [HU], `dose`, `duration`
            [s] and `interval` [s].
    """
    headings = [f"AUC, {_NAMES[name]}" for name in METHODS]
    better = "network minus the better core (95 % interval)"
    lines: list[tuple[str, ...]] = [("patients", "n", "not measurable by cores", *headings, better)]
    large = (cases["true"] > cases["true"].median()).to_numpy(int)
    scores = pd.DataFrame({name: _scores(cases[f"{name}_area"]) for name in METHODS})
    for name, chosen in _groups(cases):
        missing = cases.loc[chosen, "cbv_area"].isna().mean()
        group = scores[chosen]
        lines.append((name, str(chosen.sum()), f"{missing:.0%}", *_aucs(large[chosen], group)))
    return table(lines[0], lines[1:])


def accuracy_table(cases: pd.DataFrame) -> str:
    """Markdown: overlap with the true core and error of its area, of measured patients; arguments as before."""
    names = ", ".join(_NAMES[name] for name in METHODS)
    lines: list[tuple[str, ...]] = [("patients", f"Dice: {names}", "bias [cm²]", "SD of error [cm²]")]
    summaries: list[tuple[Callable[[pd.DataFrame, str], float], int]] = [
        (lambda group, name: group[f"{name}_dice"].mean(), 2),
        (lambda group, name: _error(group, name).mean(), 1),
        (lambda group, name: _error(group, name).std(), 1),
    ]
    for name, chosen in _groups(cases):
        cells = [
            " / ".join(_number(summary(cases[chosen], method), decimals) for method in METHODS)
            for summary, decimals in summaries
        ]
        lines.append((name, *cells))
    return table(lines[0], lines[1:])


def _groups(cases: pd.DataFrame) -> Iterator[tuple[str, "pd.Series[bool]"]]:
    """Kinds of scans, and which patients have one; kinds without a patient are left out. Kinds overlap."""
    kinds = {
        "all": cases["true"] >= 0,
        "noise below 4 HU": cases["noise"] < 4,
        "noise of 4 to 7 HU": cases["noise"].between(4, 7),
        "noise above 7 HU": cases["noise"] > 7,
        "half to 0.9 of the dose": cases["dose"].between(0.5, 0.9),
        "less than half the dose": cases["dose"] < 0.5,
        "34 to 45 s long": cases["duration"].between(34, 45),
        "shorter than 34 s": cases["duration"] < 34,
        "sampling faster than 1.2 s": cases["interval"] < 1.2,
        "sampling slower than 2.2 s": cases["interval"] > 2.2,
        "no core": cases["true"] == 0,
    }
    return ((name, chosen) for name, chosen in kinds.items() if chosen.any())


def _scores(area: "pd.Series[float]") -> "pd.Series[float]":
    """Areas, with the median in place of those that are missing, as the models of the same names do it."""
    return area.fillna(area.median())


def _aucs(large: Labels, scores: pd.DataFrame) -> list[str]:
    """AUC of each method, and of the network less the better conventional core."""
    found = {name: scores[name].to_numpy(float) for name in METHODS}
    aucs = {name: roc_auc(large, values).value for name, values in found.items()}
    if aucs["network"] is None:
        return ["–"] * (len(METHODS) + 1)
    best = max(DEFINITIONS, key=lambda name: aucs[name] or 0)
    gain = compare(large, found["network"], found[best]).difference
    return [*(_number(aucs[name], 3) for name in METHODS), estimate_text(gain)]


def _error(cases: pd.DataFrame, method: str) -> "pd.Series[float]":
    return cases[f"{method}_area"] - cases["true"]


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None or np.isnan(value) else number_text(float(value), decimals)
