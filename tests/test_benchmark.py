"""That the benchmark runs and reckons right; never how fast anything is."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from allocate import allocate
from commands import run_module
from documentation import all_commands, run

from stroke_ctp.benchmarks.cost import Cost
from stroke_ctp.benchmarks.encoding import BATCHES
from stroke_ctp.benchmarks.measuring import Timing, in_own_process, in_turns, spoken, table
from stroke_ctp.benchmarks.training import fold_of, noise_bank, seconds_per_epoch
from stroke_ctp.common.devices import side_by_side
from stroke_ctp.model.encoder import FRAMES_AT_A_TIME

COST = Cost(preprocess_s=3.0, encode_s=2.0, epoch_s=0.001, draws=2, folds=10, ablations=3, epochs=500, side_by_side=2)


@pytest.fixture(scope="module")
def short(tmp_path_factory, bank) -> tuple[Path, str]:
    """The documented command, made small, and what it prints."""
    (command,) = [line for line in all_commands() if f"{line} ".startswith("python -m stroke_ctp.benchmark ")]
    folder = tmp_path_factory.mktemp("benchmark")
    said = run(command, folder, bank)
    return folder / "outputs/benchmark", said


def test_the_command_prints_a_table_of_80_columns_and_ends_with_its_file(short):
    _, said = short
    assert all(len(line) <= 79 for line in said.splitlines())
    for name in (
        "preprocess",
        "perfusion maps",
        "encode a patient",
        "bare backbone",
        "epoch of training",
        "bare loop",
        "VGG19",
    ):
        assert name in said
    assert said.splitlines()[-1] == "outputs/benchmark/benchmark.json"


def test_the_file_holds_the_machine_and_every_repetition(short):
    content = json.loads((short[0] / "benchmark.json").read_text())
    assert content["machine"]["versions"]["torch"]
    for timing in content["timings"]:
        assert len(timing["seconds"]) == content["repeats"] == 1
        assert min(timing["seconds"]) > 0
    measured = [timing for timing in content["timings"] if "study with" not in timing["name"]]
    names = {timing["name"] for timing in measured}
    assert {
        "perfusion study",
        "score, perfusion",
        "predict, perfusion",
        "bundle, perfusion",
        "page, perfusion",
        "predict 2 patients",
    } < names
    assert all(5e7 < timing["peak_bytes"] < 1e10 for timing in measured)


def test_cost_is_drawn_against_patients(short):
    for suffix in (".png", ".pdf"):
        assert (short[0] / f"cost{suffix}").stat().st_size > 5000


@pytest.mark.parametrize(("argument", "sentence"), [("repeats=0", "repeats"), ("short=perhaps", "short must be")])
def test_other_settings_are_refused(argument, sentence, tmp_path):
    with pytest.raises(SystemExit) as end:
        run_module("benchmark", argument, f"out={tmp_path / 'out'}")
    assert sentence in str(end.value)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_results_is_refused_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "out").touch()
    with pytest.raises(SystemExit) as end:
        run_module("benchmark", "short=true", f"out={tmp_path / 'out'}")
    assert "out must be a folder, got the file" in str(end.value)
    assert not "".join(capsys.readouterr())


def test_a_study_costs_the_sum_of_its_stages():
    stages = COST.stages(100)
    assert stages == {"preprocess": 300, "encode": 400, "train": pytest.approx(750)}
    # 80 patients are trained on, 10 validated in every epoch, 10 tested
    assert COST.encoding_per_training(100) == pytest.approx(300 + 30 * (80 * 2 + 20) * 2 + 750)
    assert COST.encoding_per_epoch(100) == pytest.approx(300 + 30 * 500 * 90 * 2 + 750)


@pytest.mark.parametrize(("at_a_time", "rounds"), [(1, 30), (4, 8), (16, 2), (64, 1)])
def test_trainings_side_by_side_take_whole_rounds(at_a_time, rounds):
    assert replace(COST, side_by_side=at_a_time).stages(100)["train"] == pytest.approx(100 * 0.001 * 500 * rounds)


@pytest.mark.parametrize(("gpus", "at_a_time"), [(0, 16), (2, 2)])
def test_trainings_on_gpus_go_on_side_by_side_as_many_as_there_are_gpus(monkeypatch, gpus, at_a_time):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("joblib.cpu_count", lambda: 16)
    assert side_by_side("auto") == at_a_time


def test_training_is_timed_where_slurm_was_asked_for_several_tasks(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert seconds_per_epoch(noise_bank(12, 1), *fold_of(12, 3), epochs=1) > 0


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_bare_backbone_may_take_as_many_frames_at_a_time_as_the_encoder_does(device):
    assert FRAMES_AT_A_TIME[device] in BATCHES[device]


def test_tasks_are_timed_in_turns():
    calls = []
    first, second = in_turns([lambda: calls.append("a"), lambda: (calls.append("b"), time.sleep(0.02))], 3)
    assert calls == ["a", "b"] * 3
    assert len(first) == len(second) == 3
    assert min(second) >= 0.02


def test_peak_memory_is_that_of_the_process_that_was_measured():
    here = np.ones(1200 * 2**20, np.uint8)  # of this process: not to be counted
    (small,), (large,) = in_own_process(allocate, 1), in_own_process(allocate, 300)
    assert large.peak_bytes - small.peak_bytes == pytest.approx(299 * 2**20, rel=0.2)
    assert small.peak_bytes < here.nbytes


def test_the_table_gives_medians_and_the_farthest_ratio():
    timing = Timing("encode", [1.0, 4.0, 2.2], "bare backbone", [1.0, 2.0, 2.0], 3 * 2**30)
    assert timing.ratios == [1.0, 2.0, 1.1]
    row = table([timing]).splitlines()[1].split()
    assert row == ["encode", "2.2", "s", "bare", "backbone", "2.0", "s", "1.10", "±0.90", "3.0", "GiB"]


@pytest.mark.parametrize(
    ("duration", "words"),
    [(0.0123, "12 ms"), (1.26, "1.3 s"), (119.0, "119.0 s"), (600.0, "10 min"), (36000.0, "10.0 h")],
)
def test_durations_are_told_in_the_unit_that_suits_them(duration, words):
    assert spoken(duration) == words
