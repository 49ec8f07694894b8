"""Tables of patients: errors against core volume, subgroups, and all patients with the largest errors first."""

import numpy as np

from stroke_ctp.reporting.model_text import COHORT_NAMES
from stroke_ctp.reporting.results.operating_points import OperatingPoint, PredictedClasses
from stroke_ctp.reporting.results.subgroups import NOT_GIVEN, Subgroups
from stroke_ctp.reporting.results.volume_errors import DistanceBand
from stroke_ctp.reporting.tables.operating_points import unclassified_sentence
from stroke_ctp.reporting.tables.table import Row, Table

_UNCLASSIFIED = "not called"
_ERRORS_CAPTION = """Share of patients with a wrong call at Youden's point, by the distance of their core volume from
the class threshold, with Wilson's 95 % confidence interval. Close to the threshold, a repeated measurement of the
volume might have given the other class."""
_PATIENTS_CAPTION = """All test and external patients of the main model. Error: distance of the probability from the
class, 0 to 1. The call uses the fixed threshold of Youden's point."""


def error_table(bands: tuple[DistanceBand, ...], youden: OperatingPoint) -> Table:
    """Errors against the distance of the core volume from the threshold."""
    rows = []
    for band in bands:
        reach = f"{band.low} to {band.high}" if band.high < np.inf else f"over {band.low}"
        row: dict[str, object] = {"Distance from threshold [mL]": reach}
        for share in band.shares:
            name = COHORT_NAMES[share.split]
            row |= {f"{name}: n": share.n, f"{name}: wrong": share.wrong}
        rows.append(row)
    return Table("errors", "Errors against core volume", _ERRORS_CAPTION + unclassified_sentence(youden), rows)


def patient_table(youden: OperatingPoint) -> Table:
    """All patients, the largest errors first."""
    rows = [row for classes in youden.classes for row in _patient_rows(classes)]
    rows.sort(key=lambda row: -row["Error"])
    return Table("patients", "Patients", _PATIENTS_CAPTION + unclassified_sentence(youden), rows)


def subgroup_table(subgroups: Subgroups) -> Table:
    """AUC in each group of a column of the manifest."""
    column = subgroups.column
    rows = [
        {
            "Patients": COHORT_NAMES[one.split],
            column: one.group,
            "n": one.n_large + one.n_small,
            "Large / small": f"{one.n_large} / {one.n_small}",
            "AUC (DeLong)": one.delong,
        }
        for one in subgroups.aucs
    ]
    caption = f"AUC within the groups of the manifest's column {column}, with DeLong's 95 % confidence interval."
    return Table("subgroups", f"Subgroups: {column}", caption, rows)


def _patient_rows(classes: PredictedClasses) -> list[Row]:
    return [_patient_row(classes, number) for number in range(len(classes.patients))]


def _patient_row(classes: PredictedClasses, number: int) -> Row:
    patients = classes.patients
    label, probability = int(patients.labels[number]), float(patients.scores[number])
    core_ml, classified = float(patients.core_ml[number]), bool(classes.classified[number])
    return {
        "Patient": patients.patients[number],
        "Cohort": patients.split,
        "Fold": patients.folds[number],
        "Core [mL]": NOT_GIVEN if np.isnan(core_ml) else core_ml,
        "Class": "large" if label else "small",
        "Probability": probability,
        "Called": ("large" if classes.large[number] else "small") if classified else _UNCLASSIFIED,
        "Verdict": ("wrong" if classes.wrong[number] else "right") if classified else _UNCLASSIFIED,
        "Error": abs(label - probability),
    }
