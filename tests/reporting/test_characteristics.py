"""The table of patients: medians, quartiles and counts are those of the cohorts' tables."""

import numpy as np
import pandas as pd
import pytest

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.reporting.tables.characteristics import characteristics_table
from stroke_ctp.study.audit.evidence import CohortEvidence

ENDPOINT = Endpoint("core_ml", 30.0, 30.0)


def _cohort(**columns: list[object]) -> CohortEvidence:
    n = len(next(iter(columns.values())))
    patients = pd.DataFrame({"patient": [f"p{row}" for row in range(n)], "series": "s.npy", **columns})
    quality = pd.DataFrame({"patient": patients["patient"], "noise_sd_hu": np.arange(n) + 2.0})
    return CohortEvidence("", patients=patients, quality=quality)


@pytest.fixture
def rows() -> dict[str, dict[str, str]]:
    """Shown cells, by characteristic and group of patients."""
    training = _cohort(
        core_ml=[10.0, 20.0, 40.0, 80.0],
        label_definition=["DWI"] * 4,
        age=[61, 70, "", 79],
        sex=["f", "m", "f", ""],
        weight=[50, 61, 62, 63],
    )
    external = _cohort(core_ml=[5.0, 50.0], label_definition=["CT", "DWI"])
    table = characteristics_table({"Training cohort": training, "External": external}, ENDPOINT)
    assert table is not None
    shown = [dict(zip(table.headings, row, strict=True)) for row in table.shown()]
    return {row.pop("Characteristic"): row for row in shown}


def test_patients_are_counted_in_all_and_by_class(rows: dict[str, dict[str, str]]):
    assert list(rows["Patients"].items()) == [
        ("Training cohort", "4"),
        ("Training cohort, large", "2"),
        ("Training cohort, small", "2"),
        ("External", "2"),
        ("External, large", "1"),
        ("External, small", "1"),
    ]


def test_a_number_has_median_and_quartiles(rows: dict[str, dict[str, str]]):
    assert rows["Core volume [mL]"]["Training cohort"] == "30.0 (17.5 to 50.0)"
    assert rows["Noise, SD [HU]"]["Training cohort, large"] == "4.5 (4.3 to 4.8)"


def test_a_column_that_the_manifest_carries_is_shown_with_the_patients_in_whom_it_is_known(
    rows: dict[str, dict[str, str]],
):
    assert rows["sex: f"]["Training cohort"] == "2 (67 %)"
    assert rows["sex: m"]["Training cohort, small"] == "1 (50 %)"
    assert rows["sex: f"]["External"] == "not given"
    assert list(rows)[1] == "age: 61"


def test_label_definitions_are_counted(rows: dict[str, dict[str, str]]):
    assert rows["Label: DWI"]["Training cohort"] == "4 (100 %)"
    assert rows["Label: CT"]["External"] == rows["Label: DWI"]["External"] == "1 (50 %)"


def test_a_number_with_many_values_that_is_not_always_known_says_in_how_many_it_is():
    age: list[object] = [50, 60, 61, 62, 63, 64, 70, ""]
    table = characteristics_table({"All": _cohort(core_ml=list(range(8)), age=age)}, ENDPOINT)
    assert table is not None
    assert table.shown()[1] == ["age", "62.0 (60.5 to 63.5) known in 7", "not given", "62.0 (60.5 to 63.5) known in 7"]


def test_without_a_known_cohort_there_is_no_table():
    assert characteristics_table({"All": CohortEvidence("gone")}, ENDPOINT) is None


def test_a_text_with_many_values_is_counted_and_not_listed():
    site: list[object] = ["A", "B", "C", "D", "E", "F", "G", ""]
    table = characteristics_table({"All": _cohort(core_ml=list(range(8)), site=site)}, ENDPOINT)
    assert table is not None
    assert table.shown()[1][:2] == ["site given (7 values)", "7 (88 %)"]


def test_patients_of_a_cohort_without_the_endpoints_column_are_not_divided():
    cohorts = {"Training cohort": _cohort(core_ml=[10.0, 40.0], mrs=[1, 4]), "External": _cohort(core_ml=[5.0])}
    table = characteristics_table(cohorts, Endpoint("mrs", 2.0, 2.0))
    assert table is not None
    groups = ["Training cohort", "Training cohort, large", "Training cohort, small", "External"]
    assert table.headings[1:] == groups
