"""AUC within the groups that a column of the manifest defines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from stroke_ctp.common.errors import UserError
from stroke_ctp.reporting.results.characteristics import FEW_VALUES
from stroke_ctp.reporting.results.scored_patients import ScoredPatients, Split
from stroke_ctp.statistics.delong import auc_estimate
from stroke_ctp.statistics.interval_estimates import Estimate

NOT_GIVEN = "not given"
"""Group of the patients without a value."""


@dataclass(frozen=True)
class SubgroupAuc:
    """AUC of the main model in one group of one cohort."""

    split: Split
    group: str
    n_large: int
    n_small: int
    delong: Estimate


@dataclass(frozen=True)
class Subgroups:
    """AUC in all groups of a column."""

    column: str
    aucs: tuple[SubgroupAuc, ...]


def subgroup_aucs(
    column: str, tables: Mapping[Split, pd.DataFrame], cohorts: Sequence[ScoredPatients]
) -> Subgroups | None:
    """AUC in the groups of each cohort; None if the table of no cohort is known.

    Args:
        column: Column of `cohort.csv`; numbers with many values are divided at the quartiles of all patients.
        tables: `cohort.csv` of the cohorts that are known.
        cohorts: The main model's test and external patients.

    Raises:
        UserError: No cohort has the column.
    """
    if not tables:
        return None
    values = pd.concat([table.assign(split=split) for split, table in tables.items()], ignore_index=True)
    if column not in values:
        have = ", ".join(c for c in values.columns if c not in ("split", "patient", "series"))
        raise UserError(f"subgroup={column} is not a column of the cohorts; they have {have}")
    grouped = values.assign(group=_groups(values[column]))
    return Subgroups(column, tuple(auc for patients in cohorts for auc in _aucs(patients, grouped)))


def _aucs(patients: ScoredPatients, grouped: pd.DataFrame) -> list[SubgroupAuc]:
    known = grouped[grouped["split"] == patients.split].set_index("patient")["group"]
    group = known.reindex(pd.Index(patients.patients)).fillna(NOT_GIVEN).to_numpy()
    found = []
    for name in known.cat.categories:
        here = group == name
        labels, n_large = patients.labels[here], int(patients.labels[here].sum())
        if len(labels):
            delong = auc_estimate(labels, patients.scores[here])
            found.append(SubgroupAuc(patients.split, str(name), n_large, len(labels) - n_large, delong))
    return found


def _groups(values: pd.Series) -> pd.Series:
    """Values as they are, or quartiles of a numeric column with many values; in order, missing values last."""
    text = values.fillna("").astype(str).str.strip()
    given = text != ""
    numbers = pd.to_numeric(text.where(given), errors="coerce")
    if numbers[given].notna().all() and numbers.nunique() > FEW_VALUES:
        quartiles = pd.qcut(numbers, 4, duplicates="drop")
        names = {part: f"{part.left:g} < {values.name} ≤ {part.right:g}" for part in quartiles.cat.categories}
        text, order = quartiles.astype(object).map(names), list(names.values())
    else:
        order = sorted(text[given].unique())
    return pd.Series(pd.Categorical(text.where(given, NOT_GIVEN), categories=[*order, NOT_GIVEN]), values.index)
