"""Runs of a sweep side by side on this machine; those of a cluster are in test_slurm.py."""

import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from hydra.core.utils import JobReturn
from noise import NOISE, train_quickly, write_noise_cohort

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common import devices
from stroke_ctp.common.devices import gpus, keep_gpu
from stroke_ctp.config import launchers
from stroke_ctp.config.failed_runs import FailedRun
from stroke_ctp.config.launchers import Outcome
from stroke_ctp.model.classifier import CoreClassifier
from stroke_ctp.model.torch_threads import torch_threads
from stroke_ctp.study.members import load_member
from stroke_ctp.study.run_folder import RunFolder

PARALLEL = ("hydra/launcher=parallel", "hydra.launcher.n_jobs=2")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort, its features in the bank, and two folds trained one after the other."""
    folder = tmp_path_factory.mktemp("user")
    write_noise_cohort(folder / "cohort")
    train_quickly(*_given(folder), "fold=0..1", "trainer.max_epochs=5", "name=serial")
    return folder


def _given(folder: Path) -> tuple[str, ...]:
    return f"cohort={folder}/cohort", f"outputs={folder}/outputs"


def test_folds_trained_side_by_side_predict_what_they_do_one_after_the_other(
    workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train_quickly(*_given(workplace), "fold=0..1", "trainer.max_epochs=5", "name=parallel", *PARALLEL)
    said = capfd.readouterr()
    for fold in (0, 1):
        run = f"full/fold-{fold}"
        for file in ("predictions.csv", "metrics.json"):
            made, reference = (workplace / "outputs" / name / run / file for name in ("parallel", "serial"))
            assert made.read_bytes() == reference.read_bytes()
        assert f"{workplace}/outputs/parallel/{run}" in said.out
    lines = said.err.replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= 79
    assert any("| 2/2 runs [" in line for line in lines)
    assert not any("epoch" in line or "val_loss" in line for line in lines)


def test_predictions_from_the_bank_take_one_thread_on_many_cores_as_they_do_side_by_side(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, forward = [], CoreClassifier.forward

    def observed(*arguments: Any) -> torch.Tensor:
        threads.append(torch.get_num_threads())
        return forward(*arguments)

    monkeypatch.setattr(CoreClassifier, "forward", observed)
    with torch_threads(2):
        train_quickly(*_given(workplace), "fold=0", "trainer.max_epochs=1", "name=threads")
    assert set(threads) == {1}


def test_a_run_that_is_asked_for_twice_at_a_time_is_trained_once(
    workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train_quickly(*_given(workplace), "fold=0,0", "trainer.max_epochs=5", "name=twice", *PARALLEL)
    assert "fold 0 is complete in" in capfd.readouterr().out
    (log,) = workplace.glob("outputs/twice/full/fold-0/logs/*/metrics.csv")
    assert (pd.read_csv(log).groupby("epoch").size() == 2).all()


def test_where_slurm_was_asked_for_several_tasks_members_answer_as_anywhere(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cohort = workplace / "outputs/serial/full/fold-0", Cohort(workplace / "cohort")

    def answer() -> list[float]:
        return load_member(RunFolder(folder)).score(cohort).tolist()

    usual = answer()
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert answer() == usual


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fold=0..1", "learning_rate=1e30"), "diverged; choose another name and a lower learning_rate, or look at"),
        (("fold=0", "batch_size=2,3"), "was made with other settings: batch_size"),
        (("fold=0..1", "hydra.launcher.n_jobs=0"), "hydra.launcher.n_jobs must be a whole number ≥ 1 or null, got 0"),
    ],
)
def test_an_error_of_one_run_ends_the_sweep_in_its_sentence(
    workplace: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    given = [word for word in PARALLEL if word.split("=")[0] not in {key.split("=")[0] for key in arguments}]
    with pytest.raises(SystemExit) as stopped:
        train_quickly(
            f"cohort={workplace}/cohort",
            f"outputs={tmp_path}",
            f"bank.folder={workplace}/outputs/bank",
            "trainer.max_epochs=2",
            *arguments,
            *given,
        )
    assert sentence in str(stopped.value.code)
    assert "\n" not in str(stopped.value.code)


def test_ctrl_c_ends_all_runs_and_the_same_command_continues_them(workplace: Path) -> None:
    arguments = (*NOISE, *_given(workplace), "fold=0..1", "patience=100000", "name=interrupted", *PARALLEL)
    command = subprocess.Popen(
        [sys.executable, "-m", "stroke_ctp.train", *arguments, "trainer.max_epochs=100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Where a shell ignores Ctrl-C for what it starts in the background, so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    runs = workplace / "outputs/interrupted/full"
    end = time.monotonic() + 300  # a busy machine takes minutes to load the libraries in every process
    while not list(runs.glob("fold-*/last.ckpt")):
        assert time.monotonic() < end
        time.sleep(0.1)
    # A terminal sends it to all processes of a command.
    subprocess.run(["kill", "-INT", "--", f"-{command.pid}"], check=True)
    output, _ = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "train: interrupted; the same command continues" in output
    assert "Traceback" not in output
    assert "Warning" not in output
    assert not list(runs.rglob("predictions.csv"))


def test_a_job_of_slurm_without_a_result_is_a_failed_run_and_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def job(name: str) -> SimpleNamespace:
        paths = SimpleNamespace(result_pickle=tmp_path / name, stderr=tmp_path / f"{name}.err")
        return SimpleNamespace(job_id=name, paths=paths, result=lambda: Outcome(JobReturn(_return_value=name), ""))

    monkeypatch.setattr(sys, "argv", ["train", "fold=0,1", "name=a"])
    monkeypatch.setattr(launchers, "_GRACE", -1)
    monkeypatch.setattr(launchers, "_queue", lambda: {"7_1"})
    monkeypatch.setattr(launchers.time, "sleep", lambda _: (tmp_path / "7_1").touch())
    lost, whole = launchers._finished([job("7_0"), job("7_1")], [["fold=0", "name=a"], ["fold=1", "name=a"]])
    reason = f"SLURM's job 7_0 ended without a result; see {tmp_path}/7_0.err"
    assert lost.returned.return_value == FailedRun("fold=0", reason)
    assert lost.said == f"train: fold=0 failed: {reason}"
    assert whole.returned._return_value == "7_1"


def test_each_process_keeps_a_gpu_of_its_own_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def given(kept: list) -> str:
        monkeypatch.setattr(devices, "_kept", kept)  # of another process
        keep_gpu(["4", "5", "4"], tmp_path)
        return devices.os.environ["CUDA_VISIBLE_DEVICES"]

    processes: list[list] = [[], [], []]
    assert [given(kept) for kept in processes] == ["4", "5", "4"]
    assert [given(kept) for kept in processes] == ["4"] * 3  # nothing anew
    processes[1][0].release()
    assert given([]) == "5"
    with pytest.raises(RuntimeError, match="more than 3 processes"):
        given([])


def test_gpus_are_those_that_are_visible_and_none_where_trainings_use_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus("auto") == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-8f1c")
    assert gpus("gpu") == ["2", "GPU-8f1c"]
    assert gpus("cpu") == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not enforce the limit")
def test_a_sweep_ends_at_once_where_there_is_no_memory_for_pytorch(tmp_path: Path) -> None:
    write_noise_cohort(tmp_path / "cohort")
    limit = 1_500_000_000
    line = [sys.executable, "-m", "stroke_ctp.train", "cohort=cohort", "fold=0..2", "folds.n=3", "outputs=outputs"]
    ended = subprocess.run(
        line,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"train: memory is exhausted \(.*\); free some, or raise its limit\n", ended.stderr)
