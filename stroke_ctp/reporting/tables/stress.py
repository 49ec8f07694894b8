"""The table of stress curves."""

from itertools import groupby

from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.robustness.axes import AXES, LABEL, PREVALENCE
from stroke_ctp.robustness.curves import Point, StressResults
from stroke_ctp.robustness.declines import KINDS

TITLES = {name: axis.title for name, axis in AXES.items()} | {LABEL: "Label", PREVALENCE: "Prevalence"}
_CAPTION = (
    "AUC with 95 % interval (DeLong), and in how many patients a model could not measure its score, on the same "
    "simulated patients at every level. Training: whether training patients of the perfusion network cover the level. "
    "The CSV in the folder `stress` has calibration and the paired differences from the better conventional core."
)

_DECLINES_CAPTION = (
    "Shares of scans that are declined as not assessable (their quality, or what the model sees, lies outside the "
    "range of the training patients), and of wrong classes among all scans, among those that are answered, and among "
    "those that are declined, had they been answered. A class is wrong if the calibrated probability lies on the wrong "
    "side of 1/2. Every level of every axis counts alike, which is so in no clinic. Scans are of the same patients, so "
    "that no interval is given."
)


def stress_table(results: StressResults) -> Table:
    """AUC of every model at every level; prevalences are left out, among which it is the same."""
    shown = [point for point in results.points if point.axis != PREVALENCE]
    rows = [_row(list(points)) for _, points in groupby(shown, key=lambda point: (point.axis, point.level))]
    return Table("stress", "Stress curves", _CAPTION, rows)


def declines_table(results: StressResults) -> Table | None:
    """Wrong answers with and without declining, by kind of scan; None if nobody could be declined."""
    kinds = [(scans.model, kind, scans.of(kind)) for scans in results.declines for kind in KINDS]
    rows = [
        {
            "model": display_name(model),
            "scans": kind,
            "n": own.n,
            "declined": float(own.declined.mean()),
            "wrong of all": float(own.wrong.mean()),
            "wrong of answered": _known(own.wrong_answered),
            "wrong of declined": _known(own.wrong_declined),
        }
        for model, kind, own in kinds
        if own.n
    ]
    return Table("stress_declines", "What declining buys", _DECLINES_CAPTION, rows) if rows else None


def _known(share: float | None) -> float | str:
    return "–" if share is None else share


def level_text(point: Point) -> str:
    """A level with its unit: `10 HU`, `−5 mm`."""
    return f"{point.text.replace('-', '−')} {AXES[point.axis].unit}" if point.axis in AXES else point.text


def _row(points: list[Point]) -> Row:
    first = points[0]
    missing = [f"{display_name(point.model)} {point.not_measured}" for point in points if point.not_measured]
    return {
        "axis": TITLES[first.axis],
        "level": level_text(first),
        "training": "inside" if first.is_trained else "outside",
        **{display_name(point.model): point.auc for point in points},
        f"not measured of {first.n}": ", ".join(missing) or "–",
    }
