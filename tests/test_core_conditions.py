"""One condition changed at a time: the changes are of fields that exist, and the shares are those of the volumes."""

import re
from dataclasses import replace

import pytest

from stroke_ctp.benchmarks import core_conditions
from stroke_ctp.benchmarks.core_conditions import CHANGES, ORDINARY, rows


def test_every_change_is_one_condition_and_changes_it():
    assert CHANGES["none"] == {}
    for name, change in list(CHANGES.items())[1:]:
        ((field, value),) = change.items()
        assert getattr(replace(ORDINARY, **change), field) == value != getattr(ORDINARY, field), name
        assert f"{value:g}" in name


def test_shares_are_of_all_measured_patients_together(monkeypatch: pytest.MonkeyPatch):
    volumes = {"cbv_ml": 30.0, "rcbf_ml": 20.0, "hypoperfused_ml": 90.0}
    true = {"true_ml": 40.0, "true_hypoperfused_ml": 100.0}
    found = {
        1: volumes | true | {"reliability": "ok"},
        2: {"cbv_ml": 30.0, "rcbf_ml": 0.0, "hypoperfused_ml": 60.0} | true | {"reliability": "caution"},
        3: dict.fromkeys(volumes, float("nan")) | true | {"reliability": None},
    }
    monkeypatch.setattr(core_conditions, "measured_scan", lambda conditions, *_: found[conditions.number])
    lines = list(rows(3))
    assert lines[2] == "| none | 75 % | 25 % | 75 % | 2 of 3 | 1 |"
    assert [re.split(r" \| ", line)[0] for line in lines[2:]] == [f"| {name}" for name in CHANGES]
