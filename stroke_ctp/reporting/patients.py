"""Patient by patient: errors against core volume, subgroups, and the table of all patients, worst errors first."""

from collections.abc import Hashable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.reporting.calls import called, uncalled
from stroke_ctp.reporting.discrimination import EXTERNAL, POOLED, arrays, scored
from stroke_ctp.reporting.tables import Row, Table
from stroke_ctp.statistics.delong import auc_estimate
from stroke_ctp.statistics.operating import proportion
from stroke_ctp.study.predictions import Ablation

_DISTANCES = (0, 5, 10, 20, 40, np.inf)
"""Distance of a core volume from the threshold, at which errors are counted [mL]."""
_FEW_VALUES = 6
"""A column of more different numbers than this is divided at its quartiles."""

NOT_GIVEN, UNCALLED = "not given", "not called"

_ERRORS_CAPTION = """Share of patients on the wrong side at Youden's point, by how far their core volume lies from the
class threshold, with Wilson's 95 % confidence interval. An error close to the threshold is about a volume that
another measurement might have put on the other side."""
_PATIENTS_CAPTION = """Every test and external patient of the main model. Error: distance of the probability from the
class, 0 to 1. The call is at the frozen threshold of Youden's point."""


def error_table(main: Ablation) -> Table:
    """Errors against the distance of the core volume from the threshold."""
    everybody = called(main, None)
    calls = everybody[everybody["large"].notna()]
    away = (calls["core_ml"] - main.settings["endpoint"]["threshold"]).abs()
    wrong = calls["large"] != (calls["label"] == 1)
    rows: list[Row] = []
    for low, high in pairwise(_DISTANCES):
        reach = f"{low} to {high}" if high < np.inf else f"over {low}"
        row: dict[str, object] = {"Distance from threshold [mL]": reach}
        for cohort, split in ((POOLED, "test"), (EXTERNAL, "external")):
            here = (away > low if low else away >= 0) & (away <= high) & (calls["split"] == split)
            if (everybody["split"] == split).any():
                row[f"{cohort}: n"] = int(here.sum())
                row[f"{cohort}: wrong"] = proportion(int((here & wrong).sum()), int(here.sum()), "no patients")
        rows.append(row)
    return Table("errors", "Errors against core volume", _ERRORS_CAPTION + uncalled(everybody), rows)


def has_volumes(main: Ablation) -> bool:
    """Whether classes are of core volumes that the predictions hold."""
    return main.settings["endpoint"]["column"] == "core_ml" and bool(main.test["core_ml"].notna().all())


def patient_table(main: Ablation) -> Table:
    """All patients, worst errors first."""
    calls = called(main, None)
    error = (calls["label"] - calls["probability"]).abs()
    order = error.sort_values(ascending=False, kind="stable").index
    rows = [_patient_row(row) for row in calls.loc[order].to_dict("records")]
    return Table("patients", "Patients", _PATIENTS_CAPTION + uncalled(calls), rows)


def _patient_row(row: dict[Hashable, Any]) -> Row:
    call, is_called = row["large"], not pd.isna(row["large"])
    return {
        "Patient": row["patient"],
        "Cohort": "external" if row["split"] == "external" else "test",
        "Fold": str(row["fold"]),
        "Core [mL]": NOT_GIVEN if np.isnan(row["core_ml"]) else row["core_ml"],
        "Class": "large" if row["label"] else "small",
        "Probability": row["probability"],
        "Called": ("large" if call else "small") if is_called else UNCALLED,
        "Verdict": ("right" if call == bool(row["label"]) else "wrong") if is_called else UNCALLED,
        "Error": abs(row["label"] - row["probability"]),
    }


def subgroup_table(main: Ablation, column: str, values: pd.DataFrame) -> Table:
    """AUC in the groups that a column of the manifest makes.

    Args:
        main: Whose predictions.
        column: Of both cohorts' `cohort.csv`; numbers of many values are divided at the quartiles of all patients.
        values: `split` (test or external), `patient` and the column, as far as cohorts have it.

    Raises:
        UserError: No cohort has the column.
    """
    if column not in values:
        have = ", ".join(c for c in values.columns if c not in ("split", "patient", "series"))
        raise UserError(f"subgroup={column} is no column of the cohorts; they have {have}")
    rows: list[Row] = []
    grouped = values.assign(group=_groups(values[column]))
    for cohort, predictions in scored(main):
        split = predictions["split"].iloc[0]
        known = grouped.loc[grouped["split"] == split, ["patient", "group"]]
        merged = predictions.merge(known, on="patient", how="left").fillna({"group": NOT_GIVEN})
        for group, part in merged.groupby("group", observed=True):
            labels, scores = arrays(part)
            row: dict[str, object] = {"Patients": cohort, column: str(group), "n": len(part)}
            row["Large / small"] = f"{labels.sum()} / {(1 - labels).sum()}"
            rows.append(row | {"AUC (DeLong)": auc_estimate(labels, scores)})
    caption = f"AUC within the groups of the manifest's column {column}, with DeLong's 95 % confidence interval."
    return Table("subgroups", f"Subgroups: {column}", caption, rows)


def _groups(values: pd.Series) -> pd.Series:
    """Values as they are, or quartiles of numbers that differ between most patients; in order, missing ones last."""
    text = values.fillna("").astype(str).str.strip()
    given = text != ""
    numbers = pd.to_numeric(text.where(given), errors="coerce")
    if numbers[given].notna().all() and numbers.nunique() > _FEW_VALUES:
        quartiles = pd.qcut(numbers, 4, duplicates="drop")
        names = {part: f"{part.left:g} < {values.name} ≤ {part.right:g}" for part in quartiles.cat.categories}
        text, order = quartiles.astype(object).map(names), list(names.values())
    else:
        order = sorted(text[given].unique())
    return pd.Series(pd.Categorical(text.where(given, NOT_GIVEN), categories=[*order, NOT_GIVEN]), values.index)
