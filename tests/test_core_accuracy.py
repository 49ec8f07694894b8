"""Measured against true cores: the conditions that are simulated, the truth, and what is computed from both."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_module

from stroke_ctp.benchmarks.accuracy_table import agreement, agreement_table, bracket_sentence, flag_table
from stroke_ctp.benchmarks.scan_conditions import ScanConditions, scan_conditions
from stroke_ctp.benchmarks.simulated_scans import measured_scan, simulated_scan
from stroke_ctp.hemodynamics.lesion_definitions import DEFINITIONS
from stroke_ctp.hemodynamics.reliability import LEVELS

EASY = ScanConditions(
    number=1,
    white_hu=28.0,
    hypodensity_hu=2.0,
    interval_s=1.5,
    duration_s=48.0,
    noise_hu=2.0,
    core_ml=60.0,
    dose=1.0,
    moving=False,
    slices=3,
    thickness_mm=10.0,
    lowest_mm=0.0,
)

SHORT = replace(EASY, duration_s=9.0, slices=1)


def rows(**columns) -> pd.DataFrame:
    """One line per scan, of the easiest conditions where nothing else is given."""
    n = len(columns["true_ml"])
    return pd.DataFrame([asdict(EASY)] * n).assign(**columns)


SIX = rows(
    true_ml=[10.0, 20.0, 30.0, 40.0, 50.0, 0.0],
    cbv_ml=[12.0, 19.0, 55.0, 15.0, np.nan, 3.0],
    cbv_dice=[0.8, 0.7, 0.4, 0.3, np.nan, np.nan],
    reliability=["ok", "caution", "unusable", "ok", np.nan, "ok"],
    noise_hu=[2.0, 3.3, 4.0, 5.0, 6.0, 2.5],
    moving=[False, False, True, False, False, False],
)
"""Errors of +2, −1, +25, −25 and +3 mL, and a refusal."""


def test_bias_and_limits_of_agreement_are_those_of_the_measured_scans():
    found = agreement(SIX, "cbv")
    errors = [2, -1, 25, -25, 3]
    mean = sum(errors) / 5
    sd = (sum((error - mean) ** 2 for error in errors) / 4) ** 0.5
    assert found.bias_ml == pytest.approx(0.8)
    assert found.limits_ml == pytest.approx((mean - 1.96 * sd, mean + 1.96 * sd))
    assert found.dice == pytest.approx(0.55)


def test_large_errors_count_as_unflagged_unless_that_scan_has_a_flag():
    found = agreement(SIX, "cbv")
    assert (found.scans, found.refused, found.caution, found.unusable) == (6, 1, 1, 1)
    assert (found.large_errors, found.unflagged_errors) == (2, 1)
    assert agreement(SIX.assign(reliability="caution"), "cbv").unflagged_errors == 0


def test_flags_are_counted_by_the_larger_error_of_both_cores():
    scans = rows(
        true_ml=[10.0, 10.0, 10.0, 30.0, 30.0],
        cbv_ml=[12.0, 25.0, 12.0, 55.0, np.nan],
        rcbf_ml=[8.0, 10.0, 40.0, 30.0, np.nan],
        reliability=["ok", "caution", "ok", "unusable", None],
    )
    cells = [line.split(" | ") for line in flag_table(scans).splitlines()[2:]]
    assert [line[1:3] for line in cells] == [["2", "1"], ["2", "1"], ["1", "0"]]
    assert cells[0][3] == "0.50 (0.09 to 0.91) |"  # Wilson's interval of 1 of 2
    assert "undefined: no such scan" in flag_table(scans[:1])


def test_scans_are_counted_by_the_side_on_which_two_tmax_volumes_miss_the_truth():
    scans = rows(
        true_ml=[0.0] * 4,
        true_hypoperfused_ml=[50.0, 30.0, 90.0, 50.0],
        hypoperfused_ml=[40.0, 40.0, 40.0, np.nan],
        tmax4_ml=[80.0, 80.0, 80.0, np.nan],
    )
    assert bracket_sentence(scans).startswith("Of 3 scans, 1 have their hypoperfused tissue between")
    assert bracket_sentence(scans).endswith("1 less, 1 more")


def test_tables_of_refused_scans_alone_have_dashes():
    refused = rows(true_ml=[5.0, 6.0], cbv_ml=[np.nan] * 2, cbv_dice=[np.nan] * 2, reliability=[None] * 2)
    assert "| all | 2 | 2 | 0 | 0 | – | – to – | – | 0 | 0 |" in agreement_table(refused, "cbv")


def test_hypoperfused_tissue_is_compared_with_its_own_truth():
    three = rows(
        true_ml=[0.0] * 3,
        true_hypoperfused_ml=[90.0, 80.0, 70.0],
        hypoperfused_ml=[60.0, 60.0, 60.0],
        hypoperfused_dice=[0.5, 0.6, 0.7],
        reliability=["ok"] * 3,
    )
    assert agreement(three, "hypoperfused", true="true_hypoperfused_ml").bias_ml == pytest.approx(-20)


def test_an_error_of_just_20_ml_is_not_large():
    just = rows(true_ml=[0.0], cbv_ml=[20.0], cbv_dice=[0.0], reliability=["ok"])
    assert agreement(just, "cbv").large_errors == 0
    assert agreement(just.assign(cbv_ml=20.1), "cbv").large_errors == 1


def test_each_scan_stands_in_one_part_of_every_condition_and_the_edges_in_the_lower_one():
    cells = [line.split(" | ") for line in agreement_table(SIX, "cbv").splitlines()]
    scans = {line[0].removeprefix("| "): line[1] for line in cells}
    assert [scans[f"noise {part} HU"] for part in ("2 to 3.3", "3.3 to 4.7", "4.7 to 6")] == ["3", "1", "2"]
    assert (scans["all"], scans["moving head"], scans["head at rest"], scans["core below 1 mL"]) == ("6", "1", "5", "1")
    assert scans["ordinary scans"] == "4"  # the two with more than 4 HU of noise are not
    assert [scans[level] for level in ("ok", "caution", "unusable")] == ["3", "1", "1"]
    assert not any("dose" in name or "30 to 45" in name for name in scans)  # no such scan


def test_what_one_scan_does_not_define_is_a_dash():
    (moving,) = [line for line in agreement_table(SIX, "cbv").splitlines() if "moving head" in line]
    assert moving == "| moving head | 1 | 0 | 0 | 1 | 25.0 | – to – | 0.40 | 1 | 0 |"


@pytest.fixture(scope="module")
def sixty():
    return scan_conditions(60, seed=3)


def test_conditions_fill_their_ranges_evenly(sixty):
    drawn = pd.DataFrame(map(asdict, sixty))
    for column, low, high in (("white_hu", 20, 32), ("hypodensity_hu", 0, 8), ("noise_hu", 2, 6)):
        counts, _ = np.histogram(drawn[column], bins=6, range=(low, high))
        assert counts.tolist() == [10] * 6, column
    assert (drawn["interval_s"].min(), drawn["interval_s"].max()) == (1, 3)
    assert drawn["duration_s"].between(30, 75).all()
    assert (drawn["core_ml"] == 0).sum() == 10
    assert drawn["core_ml"].max() > 140
    assert (drawn["moving"].sum(), (drawn["dose"] < 1).sum()) == (15, 15)
    assert drawn.groupby(["slices", "thickness_mm"]).size().to_dict() == {(3, 10.0): 12, (8, 10.0): 24, (16, 5.0): 24}


def test_a_scan_lasts_as_long_as_its_conditions_say(sixty):
    for conditions in sixty:
        times = conditions.protocol.times
        assert times[-1] == pytest.approx(conditions.duration_s)
        assert times[1] == pytest.approx(conditions.interval_s)


@pytest.fixture(scope="module")
def easy():
    return simulated_scan(EASY, seed=0)


def test_white_matter_and_core_have_the_attenuation_that_was_asked_for(easy):
    darker = simulated_scan(replace(EASY, white_hu=24.0, hypodensity_hu=8.0), seed=0)
    change = (darker.scan.hu - easy.scan.hu)[0]  # of the same head with the same noise
    assert np.array_equal(easy.core, darker.core)
    assert change.max() < 0.1
    assert change[easy.core == 0].min() == pytest.approx(-4, abs=0.1)
    assert -10.1 < change[easy.core == 1].min() < -6  # 4 HU of white matter, and up to 6 in the middle of the core


def test_the_true_core_is_that_of_the_slices_alone(easy):
    assert 0 < easy.volume_ml(easy.core) < EASY.core_ml
    middle = simulated_scan(replace(SHORT, lowest_mm=10.0), seed=0)
    assert middle.core == pytest.approx(easy.core[1:2])


def test_the_true_core_is_part_of_the_tissue_that_is_truly_hypoperfused(easy):
    assert (easy.core <= easy.hypoperfused).all()
    assert easy.volume_ml(easy.hypoperfused) > easy.volume_ml(easy.core) + 5  # a penumbra remains


def test_a_patient_without_core_has_none():
    scan = simulated_scan(replace(SHORT, core_ml=0.0), seed=0)
    assert scan.volume_ml(scan.core) < 0.1


def test_overlap_is_one_for_the_truth_and_undefined_where_there_is_nothing_to_find(easy):
    assert easy.overlap(easy.core >= 0.5, easy.core) == 1
    assert easy.overlap(easy.core < 0.5, easy.core) == 0
    assert np.isnan(easy.overlap(easy.core >= 0.5, 0 * easy.core))


def test_an_easy_scan_of_a_moving_head_is_measured():
    row = measured_scan(replace(EASY, moving=True), seed=0)
    assert row["reliability"] in LEVELS
    assert abs(row["cbv_ml"] - row["true_ml"]) < 20
    assert row["seconds"] > 0


def test_a_scan_that_cannot_be_measured_keeps_its_reason():
    row = measured_scan(SHORT, seed=0)
    assert "perfusion needs ≥ 10 frames" in row["reason"]
    assert np.isnan(row["cbv_ml"])
    assert row["reliability"] is None


def test_the_command_prints_tables_and_ends_with_its_file(tmp_path: Path, capsys):
    out = tmp_path / "core.csv"
    run_module("benchmarks.core_accuracy", "scans=2", "seed=66", "jobs=1", f"out={out}")
    said = capsys.readouterr().out
    assert said.count("| all | 2 |") == len(DEFINITIONS) + 3  # hypoperfused tissue, and both by the network
    assert "with a flag" in said
    assert said.splitlines()[-1] == str(out)
    written = pd.read_csv(out)
    assert written["number"].tolist() == [1, 2]
    assert {
        "true_ml",
        "cbv_ml",
        "rcbf_ml",
        "hypoperfused_ml",
        "reliability",
        "seconds",
        "network_core_ml",
        "network_reliability",
    } <= set(written)


def test_a_folder_is_refused_as_the_file_before_anything_is_simulated(tmp_path: Path):
    with pytest.raises(SystemExit) as end:
        run_module("benchmarks.core_accuracy", f"out={tmp_path}")
    assert f"out must be a CSV file, got the folder {tmp_path}" in str(end.value)
