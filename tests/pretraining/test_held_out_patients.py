import numpy as np
import pandas as pd
import pytest
from commands import run_module
from sklearn.metrics import roc_auc_score

from stroke_ctp.benchmarks.held_out_tables import accuracy_table, comparison_table


def cells(table: str) -> dict[str, list[str]]:
    """Rows of a table in Markdown by the name of the group."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return {name: values for name, *values in lines}


def cases(**columns: list[float]) -> pd.DataFrame:
    """Patients of one easy kind of scan, in all of whom each method finds the truth where nothing else is given."""
    n = len(columns["true"])
    usual = {f"{name}_area": columns["true"] for name in ("network", "cbv", "rcbf")}
    usual |= {f"{name}_dice": [1.0] * n for name in ("network", "cbv", "rcbf")}
    kind = {"noise": [2.0] * n, "dose": [1.0] * n, "duration": [48.0] * n, "interval": [1.5] * n}
    return pd.DataFrame(kind | usual | columns)


SIX = cases(
    true=[0.0, 5.0, 10.0, 20.0, 40.0, 80.0],
    cbv_area=[1.0, np.nan, 30.0, 25.0, 35.0, 70.0],
    rcbf_area=[0.0, np.nan, 30.0, 0.0, 35.0, 70.0],
    noise=[2.0, 5.0, 5.0, 2.0, 2.0, 9.0],
)


def test_the_network_finds_the_cores_of_patients_that_it_was_not_trained_on(capsys: pytest.CaptureFixture[str]):
    run_module("benchmarks.held_out_patients", "patients=24", "jobs=1")
    first, second = capsys.readouterr().out.strip().split("\n\n")
    compared, accuracy = cells(first), cells(second)
    n, missing, network, cbv, rcbf, _ = compared["all"]
    assert n == "24"
    assert float(network) > 0.8
    assert 0.5 < float(cbv) <= 1
    assert 0.5 < float(rcbf) <= 1
    assert 0 <= int(missing.removesuffix("%")) < 50
    assert sum(int(compared[name][0]) for name in compared if name.startswith("noise")) == 24
    dice = [float(value) for value in accuracy["all"][0].split(" / ")]
    assert dice[0] > 0.4
    assert min(dice) > 0.1


def test_a_missing_core_counts_as_the_median_one():
    n, missing, network, cbv, rcbf, gain = cells(comparison_table(SIX))["all"]
    assert (n, missing, network) == ("6", "17%", "1.000")
    large = SIX["true"] > 15
    assert float(cbv) == pytest.approx(roc_auc_score(large, SIX["cbv_area"].fillna(30.0)), abs=5e-4)
    assert float(rcbf) < float(cbv)  # so that the network is compared with the core by CBV
    assert float(gain.split()[0].replace("−", "-")) == pytest.approx(1 - float(cbv), abs=0.006)


def test_errors_are_those_of_measured_patients():
    dice, bias, sd = cells(accuracy_table(SIX))["all"]
    error = np.array([1.0, 20.0, 5.0, -5.0, -10.0])
    assert dice == "1.00 / 1.00 / 1.00"
    assert bias.split(" / ")[:2] == ["0.0", f"{error.mean():.1f}"]
    assert sd.split(" / ")[:2] == ["0.0", f"{error.std(ddof=1):.1f}"]


def test_a_kind_of_scan_of_one_class_has_dashes_and_one_without_patients_no_row():
    rows = cells(comparison_table(SIX))
    assert rows["noise of 4 to 7 HU"] == ["2", "50%", "–", "–", "–", "–"]
    assert "less than half the dose" not in rows


def test_the_seed_of_the_training_is_refused():
    with pytest.raises(SystemExit, match="seed must be another than that of the training, got 7"):
        run_module("benchmarks.held_out_patients", "seed=7")
