"""A sweep through a real SLURM, on a cluster of one node that this test starts: `make test-slurm`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from noise import NOISE, train_quickly, write_noise_cohort
from slurm import ask, cluster, missing

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(missing()), reason=missing())]
EPOCHS = 400
SLURM = [
    "hydra/launcher=slurm",
    "hydra.launcher.partition=usual",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=1",
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    write_noise_cohort(folder / "cohort")
    train_quickly(
        f"cohort={folder}/cohort", f"outputs={folder}/outputs", "fold=0", "trainer.max_epochs=1", "name=filled"
    )
    return folder


Train = Callable[..., subprocess.Popen]


@pytest.fixture
def train(environment: dict[str, str], workplace: Path) -> Iterator[Train]:
    """Starts a training as a user would."""
    started = []

    def start(*arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "stroke_ctp.train", "cohort=cohort", *NOISE, "patience=1000", *arguments],
            cwd=workplace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Where a shell ignores Ctrl-C for what it starts in the background, so would this process.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def _wait_for(condition: Callable[[], object], seconds: int = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.2)


def test_a_sweep_of_which_a_job_is_preempted_continues_it_and_predicts_what_a_serial_one_predicts(
    train: Train, environment: dict[str, str], workplace: Path
) -> None:
    epochs = f"trainer.max_epochs={EPOCHS}"
    sweep = train("fold=0,1", epochs, "name=cluster", *SLURM)
    runs = [workplace / f"outputs/cluster/full/fold-{fold}" for fold in (0, 1)]
    _wait_for(lambda: any((run / "last.ckpt").exists() for run in runs))
    # Needs the whole node, from a partition that may take it.
    ask(environment, "sbatch", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1")
    output, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, output
    assert "2/2 runs" in output
    assert all(str(run.relative_to(workplace)) in output for run in runs)
    assert "Restarts=1" in ask(environment, "scontrol", "show", "job")

    serial = train("fold=0,1", epochs, "name=serial")
    assert serial.wait(300) == 0
    parts = []
    for run in runs:
        reference = workplace / "outputs/serial" / run.relative_to(workplace / "outputs/cluster")
        assert (run / "predictions.csv").read_bytes() == (reference / "predictions.csv").read_bytes()
        logs = sorted(run.glob("logs/version_*/metrics.csv"))
        parts.append(len(logs))
        trained = pd.concat(pd.read_csv(log) for log in logs)["epoch"]
        assert set(trained) == set(range(EPOCHS))
    assert max(parts) > 1, "no training was interrupted"


def test_an_error_of_one_job_ends_the_sweep_in_its_sentence(train: Train, environment: dict[str, str]) -> None:
    sweep = train("fold=0..2", "learning_rate=1e30", "trainer.max_epochs=3", "name=diverged", *SLURM)
    output, _ = sweep.communicate(timeout=200)
    assert sweep.returncode == 1
    assert "the training diverged; choose another name and a lower learning_rate" in output.splitlines()[-1]
    assert "Traceback" not in output
    _wait_for(lambda: not ask(environment, "squeue", "--noheader"))


def test_ctrl_c_cancels_the_jobs(train: Train, environment: dict[str, str], workplace: Path) -> None:
    sweep = train("fold=0..2", "trainer.max_epochs=100000", "name=long", *SLURM)
    _wait_for(lambda: list(workplace.glob("outputs/long/full/fold-*/last.ckpt")))
    sweep.send_signal(signal.SIGINT)
    output, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 130
    assert output.splitlines()[-1] == "train: interrupted; the same command continues"
    _wait_for(lambda: not ask(environment, "squeue", "--noheader"))


def test_settings_that_slurm_refuses_are_told_in_one_sentence(train: Train) -> None:
    sweep = train("fold=0..2", "name=refused", *SLURM, "hydra.launcher.partition=nowhere")
    output, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 1
    assert "train: SLURM refuses the jobs" in output
    assert "partition" in output.splitlines()[-1]
    assert "Traceback" not in output


def test_nothing_of_another_cluster_is_used(environment: dict[str, str]) -> None:
    assert "ClusterName             = test" in ask(environment, "scontrol", "show", "config")
    assert environment["SLURM_CONF"] != os.environ.get("SLURM_CONF")
