import pytest
from commands import run_module


def test_the_network_finds_the_cores_of_patients_that_it_was_not_trained_on(capsys: pytest.CaptureFixture[str]):
    run_module("benchmarks.held_out_patients", "patients=24", "jobs=1")
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert lines[0] == ["patients", "n", "AUC", "Dice", "bias [cm²]", "SD of error [cm²]"]
    rows = {name: values for name, *values in lines[2:]}
    n, auc, dice, _, _ = rows["all"]
    assert n == "24"
    assert float(auc) > 0.8
    assert float(dice) > 0.4
    assert sum(int(rows[name][0]) for name in rows if name.startswith("noise")) == 24


def test_the_seed_of_the_training_is_refused():
    with pytest.raises(SystemExit, match="seed must be another than that of the training, got 7"):
        run_module("benchmarks.held_out_patients", "seed=7")
