"""Tables of the operating points: performance of every model, thresholds of the main one."""

from dataclasses import fields

from stroke_ctp.common.text import counted
from stroke_ctp.model.registry import display_name
from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.operating_points import OperatingPoint, PredictedClasses, ValidationThreshold
from stroke_ctp.reporting.results.study_results import ModelResults, StudyResults
from stroke_ctp.reporting.tables.table import Row, Table
from stroke_ctp.statistics.interval_estimates import Estimate
from stroke_ctp.statistics.operating_points import Rates

RATE_NAMES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "ppv": "PPV", "npv": "NPV", "f1": "F1"}
_CAPTION = """Cores above the threshold are called large. Thresholds come from validation predictions alone and are
then fixed: a test fold uses the threshold of its own validation fold; every member of the ensemble uses that of the
validation predictions of all folds, and the majority of the members decides. "On validation": what the same
thresholds reach on the patients that they were chosen on, by single models; it is more than they achieve on others.
Brackets: Wilson's 95 % confidence intervals; the interval of F1 is derived from that of a proportion. They take the
trained models and their thresholds as given. All thresholds are in the appendix."""
_THRESHOLDS_CAPTION = """Thresholds as probabilities. Folds: chosen on the fold's validation patients; members of the
ensemble: on the validation patients of all folds."""
PREVALENCE = """PPV, NPV and net benefit hold for the share of large cores in these patients. If the median core volume
separates the classes, this share is 50 % by design: they do not transfer to patients with another share."""


def operating_table(results: StudyResults) -> Table:
    """Performance of every model at both operating points."""
    rows = [
        {"Model": display_name(name), "Aim": point_name(point), **_reached(reached), **_cells(classes)}
        for name, model in results.models.items()
        for point in (model.youden, model.sensitive)
        for classes, reached in zip(point.classes, point.reached, strict=True)
    ]
    return Table("operating_points", "Operating points", _CAPTION + unclassified_sentence(results.main.youden), rows)


def threshold_table(main: ModelResults) -> Table:
    """Thresholds of the main model, fold by fold."""
    points = (main.youden, main.sensitive)
    folds = enumerate(zip(*(point.fold_thresholds for point in points), strict=True))
    rows = [_threshold_row(str(fold), points, thresholds) for fold, thresholds in folds]
    rows.append(_threshold_row("members", points, tuple(point.ensemble_threshold for point in points)))
    title = f"Thresholds of the {display_name(main.predictions.name)} model"
    return Table("thresholds", title, _THRESHOLDS_CAPTION, rows)


def point_name(point: OperatingPoint) -> str:
    """Name of an operating point for readers."""
    return "Youden" if point.sensitivity is None else f"Sensitivity ≥ {point.sensitivity:g}"


def unclassified_sentence(point: OperatingPoint) -> str:
    """Number of patients who are not classified, and why, to be appended to a caption; empty if all are."""
    folds = [
        fold
        for classes in point.classes
        for fold, classified in zip(classes.patients.folds, classes.classified, strict=True)
        if not classified
    ]
    if not folds:
        return ""
    listed = ", ".join(dict.fromkeys(folds))
    patients = counted(len(folds), "patient")
    return f" Not called, because the validation patients are of one class: {patients} (fold {listed})."


def _reached(rates: Rates) -> Row:
    return {
        f"{RATE_NAMES[name]} on validation": _value(getattr(rates, name)) for name in ("sensitivity", "specificity")
    }


def _value(estimate: Estimate) -> float | str:
    return f"undefined: {estimate.reason}" if estimate.value is None else estimate.value


def _cells(classes: PredictedClasses) -> Row:
    counts, rates = classes.counts, classes.rates
    return {
        "Patients": COHORT_NAMES[classes.patients.split],
        "n": counts.n,
        "TP": counts.true_positive,
        "FP": counts.false_positive,
        "TN": counts.true_negative,
        "FN": counts.false_negative,
        **{RATE_NAMES[field.name]: getattr(rates, field.name) for field in fields(Rates)},
    }


def _threshold_row(
    fold: str, points: tuple[OperatingPoint, ...], thresholds: tuple[ValidationThreshold, ...]
) -> dict[str, object]:
    row: dict[str, object] = {"Fold": fold, "Validation patients": thresholds[0].n_patients}
    for point, chosen in zip(points, thresholds, strict=True):
        found = chosen.threshold
        row[point_name(point)] = found.value if found.value is not None else f"undefined: {found.reason}"
    return row
