import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from joblib.externals.loky.process_executor import TerminatedWorkerError

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.parallel import parallel_map
from stroke_ctp.config import command_line as cli
from stroke_ctp.config.error_sentences import sentence_of
from stroke_ctp.config.overrides import expand, refuse_several_values
from stroke_ctp.config.schemas.preprocess import PreprocessSettings
from stroke_ctp.config.schemas.report import ReportSettings
from stroke_ctp.model.settings import TrainSettings
from stroke_ctp.train import train

MULTIRUN = "--multirun"


@pytest.mark.parametrize(
    ("argument", "expanded"),
    [
        ("fold=0..9", "fold=0,1,2,3,4,5,6,7,8,9"),
        ("seed=-2..1", "seed=-2,-1,0,1"),
        ("bank.draws=2..3", "bank.draws=2,3"),
        ("fold=8..11", "fold=8,9,10,11"),
    ],
)
def test_a_range_becomes_its_numbers_both_ends_included_and_a_sweep(argument: str, expanded: str):
    assert expand([argument], sweeps=True) == [expanded, MULTIRUN]


def test_ranges_and_lists_sweep_together_in_one_multirun():
    arguments = ["cohort=a", "fold=0..1", "ablation=full,local"]
    assert expand(arguments, sweeps=True) == ["cohort=a", "fold=0,1", "ablation=full,local", MULTIRUN]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fold=3"],
        ["fold=3..3"],
        ["name=a..b"],
        ["name=0..9x"],
        ["cohort=../data/0..9/x"],
        ["ablation.pathways=[local,global]"],
        ["name='a,b'"],
        ["--help"],
        [],
    ],
)
def test_a_single_value_is_a_single_run(arguments: list[str]):
    expected = ["fold=3"] if arguments == ["fold=3..3"] else arguments
    assert expand(arguments, sweeps=True) == expected


def test_a_single_run_that_is_given_a_launcher_goes_to_it():
    assert expand(["fold=3", "hydra/launcher=slurm"], sweeps=True)[-1] == MULTIRUN


def test_a_command_that_does_not_sweep_asks_for_no_multirun():
    assert expand(["seed=0..2", "n_train=1,2"], sweeps=False) == ["seed=0,1,2", "n_train=1,2"]


def test_a_key_that_takes_several_values_gets_them_as_a_list():
    expanded = expand(["name=a,b", "outputs=x,y"], sweeps=False, lists=("name",))
    assert expanded == ["name=[a,b]", "outputs=x,y"]
    assert expand(["name=a", "name=[a,b]"], sweeps=False, lists=("name",)) == ["name=a", "name=[a,b]"]


def test_a_range_that_runs_backwards_is_refused_with_the_one_that_was_meant():
    with pytest.raises(UserError, match=r"^fold=9\.\.0 is empty; write fold=0\.\.9$"):
        expand(["fold=9..0"], sweeps=True)


def test_an_option_of_hydra_keeps_its_value():
    arguments = ["--config-dir", "mine", "fold=3"]
    assert expand(arguments, sweeps=True) == arguments


@pytest.mark.parametrize(
    "path",
    [
        "Patient Daten (2024)/manifest.csv",
        "Müller, Jörg/Übung's.csv",
        "a=b.csv",
        "~/x#1",
        "C:\\Jörg\\",
        "it's\\'s",
        "plain/path with blanks.csv",
    ],
)
def test_a_path_may_hold_any_character(path: str):
    (argument,) = expand([f"manifest={path}"], sweeps=False)
    assert OverridesParser.create().parse_override(argument).value() == path


Command = Callable[..., str | int | None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a task as `python -m stroke_ctp.train` would, here, and tells what it exits with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")

    def run(task: Callable[[TrainSettings], None], *arguments: str) -> str | int | None:
        monkeypatch.setattr(sys, "argv", ["train", *arguments])
        GlobalHydra.instance().clear()
        try:
            cli.run(task, TrainSettings, "train", sweeps=True)
        except SystemExit as end:
            return end.code
        finally:
            GlobalHydra.instance().clear()
        return 0

    return run


def test_a_single_run_gets_its_configuration_and_leaves_nothing_behind(command: Command, tmp_path: Path):
    seen = []
    assert command(lambda config: seen.append((config.fold, config.cohort)), "fold=3", "cohort=here") == 0
    assert seen == [(3, Path("here"))]
    assert not list(tmp_path.rglob("*"))


def test_a_sweep_runs_every_combination(command: Command):
    seen = []
    task = lambda config: seen.append((config.ablation.name, config.fold))  # noqa: E731
    assert command(task, "fold=0..2", "ablation=full,local", "cohort=here") == 0
    assert sorted(seen) == [(name, fold) for name in ("full", "local") for fold in range(3)]


def test_each_run_of_a_sweep_knows_how_many_follow(command: Command):
    seen = []
    task = lambda _: seen.append(cli.runs_to_come())  # noqa: E731
    assert command(task, "fold=0..2", "ablation=full,local", "cohort=here", "learning_rate=1e-3") == 0
    assert seen == [5, 4, 3, 2, 1, 0]
    assert command(task, "fold=3", "cohort=here") == 0
    assert seen[-1] == 0


@pytest.mark.parametrize("option", ["--multirun", "-m"])
def test_hydras_own_option_may_stand_before_and_behind_the_settings(command: Command, option: str):
    seen = []
    task = lambda config: seen.append(config.fold)  # noqa: E731
    assert command(task, option, "fold=0,1", "cohort=here") == 0
    assert command(task, "fold=0,1", "cohort=here", option) == 0
    assert seen == [0, 1, 0, 1]


def test_the_configuration_of_a_command_can_be_shown(command: Command, capsys: pytest.CaptureFixture[str]):
    assert command(lambda _: None, "fold=3", "cohort=here", "--cfg", "job") == 0
    assert "fold: 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        (
            "hydra/launcher=paralel",
            "parallel or slurm, got paralel; did you mean parallel?",
        ),
        ("hydra.launcher.n_jobs=2", "hydra.launcher.n_jobs"),
        ("hydra.job.num=soon", "hydra.job.num=soon: Value 'soon' of type 'str' could not be converted to Integer"),
        ("ablation=FULL", "ablation must be full or global or local, got FULL; did you mean full?"),
        ("ablation=[full,local]", "several run one after the other: ablation=A,B"),
        ("ablation=[]", "ablation must be full or global or local"),
        ("input=[hu]", "input must be enhancement or window or hu"),
    ],
)
def test_what_does_not_fit_is_named_in_a_sweep_too(command: Command, argument: str, named: str):
    end = command(lambda config: print(config.fold), "fold=0..1", "cohort=here", argument)
    assert isinstance(end, str)
    assert named in end
    assert "\n" not in end
    assert "Ambiguous" not in end


@pytest.mark.parametrize("option", ["--out", "--out=there", "-o"])
def test_an_option_that_does_not_exist_is_refused_in_a_sentence(command: Command, option: str):
    end = command(lambda _: None, "fold=3", option, "cohort=here")
    assert end == f"train: there is no option {option}; write settings as KEY=VALUE, without dashes"


def test_several_values_for_a_command_that_runs_once_are_refused_with_what_was_meant():
    with pytest.raises(UserError, match=r"^levels must be one value, got 1,3; write levels=\[1,3\] for a list"):
        refuse_several_values(["scan=a", "levels=1,3"])
    refuse_several_values(["levels=[1,3]", "name='a,b'"])


def test_a_run_that_fails_leaves_the_others_of_its_sweep_alone_and_is_named_at_the_end(
    command: Command, capsys: pytest.CaptureFixture[str]
):
    seen = []

    def fail(config: TrainSettings) -> None:
        seen.append(config.fold)
        if config.fold == 1:
            raise UserError("the moon is full; wait")
        if config.fold == 2:
            raise ZeroDivisionError("no stars")

    end = command(fail, "fold=0..3", "cohort=here")
    assert seen == [0, 1, 2, 3]
    assert isinstance(end, str)
    assert end.startswith(
        "train: 2 of 4 runs failed, the others are complete: fold=1: the moon is full; wait; fold=2: "
    )
    assert re.search(r"fold=2: unexpected ZeroDivisionError in test_command_line.py:\d+: no stars$", end)
    said = capsys.readouterr()
    assert "train: fold=1 failed: the moon is full; wait" in said.out
    assert "Traceback" in said.err


def test_a_reason_that_all_runs_share_is_told_once(command: Command):
    def fail(_: TrainSettings) -> None:
        raise UserError("the moon is full; wait")

    assert command(fail, "fold=0..2", "cohort=here") == "train: the moon is full; wait"
    assert command(lambda _: None, "fold=0..2", "cohort=here") == 0


def test_any_other_error_keeps_its_traceback(command: Command):
    def fail(_: TrainSettings) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command(fail, "fold=0", "cohort=here")


def test_a_place_that_cannot_be_written_is_named_in_one_sentence(command: Command, tmp_path: Path):
    (tmp_path / "file").touch()
    end = command(lambda config: (Path(config.cohort) / "made").mkdir(), "fold=0", "cohort=file")
    assert end == "train: file/made cannot be used: not a directory; allow it, make room, or choose another place"


def test_a_file_that_was_removed_meanwhile_is_named_with_the_way_out():
    sentence = sentence_of(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "scan.nii"), TrainSettings)
    assert sentence is not None
    assert sentence.startswith("scan.nii cannot be found: no such file or directory; it was removed while")


def test_an_error_of_the_system_that_no_user_can_mend_is_a_defect():
    assert sentence_of(OSError(errno.EBADF, os.strerror(errno.EBADF)), TrainSettings) is None


def test_a_process_that_the_system_ends_is_told_in_one_sentence(command: Command):
    def run_out_of_memory(_: TrainSettings) -> None:
        list(parallel_map(signal.raise_signal, [signal.SIGKILL] * 2, jobs=2))

    end = command(run_out_of_memory, "fold=0", "cohort=here")
    assert isinstance(end, str)
    assert end == "train: a worker process was killed, probably out of memory; retry with hydra.launcher.n_jobs=1"


def test_a_setting_that_saves_memory_is_named_where_the_command_has_it(command: Command):
    def run_out_of_memory(_: TrainSettings) -> None:
        raise MemoryError("2 GB")

    end = command(run_out_of_memory, "fold=0", "cohort=here")
    assert end == "train: memory is exhausted (2 GB); free some, or raise its limit"
    assert "or retry with jobs=1" in str(sentence_of(MemoryError(), PreprocessSettings))
    assert str(sentence_of(TerminatedWorkerError(), ReportSettings)).endswith("; free some")


def test_an_interruption_says_that_the_same_command_continues(command: Command, capsys: pytest.CaptureFixture[str]):
    def interrupt(_: TrainSettings) -> None:
        raise KeyboardInterrupt

    assert command(interrupt, "fold=0", "cohort=here") == 130
    assert "train: interrupted; the same command continues" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("trainer.max_epoch=3", "there is no setting 'trainer.max_epoch'"),
        (
            "learnin_rate=1",
            "'learnin_rate'; did you mean learning_rate? `python -m stroke_ctp.train --help` lists",
        ),
        ("input.low=3", "there is no setting 'input.low' with input=enhancement"),
        ("input=contrast", "input must be enhancement or window or hu, got contrast"),
        ("standardization=none", "standardization must be fixed or batch, got none"),
        ("experiment=other", "experiment must be paper, got other"),
        ("ablation=full,other", "full or global or local, got other"),
        ("input=null", "input must be enhancement or window or hu, got null"),
        ("logger=cvs", "logger must be csv or tensorboard or mlflow, got 'cvs'"),
        ("fold=9..0", "fold=9..0 is empty"),
        ("fold", "fold"),
        ("fold=[0", "[0"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_in_one_sentence(command: Command, argument: str, named: str):
    end = command(lambda config: print(config.fold, config.ablation.name), argument, "cohort=here", "fold=0")
    assert isinstance(end, str)
    assert named in end
    assert end.startswith("train: ")
    assert "\n" not in end


def test_a_missing_cohort_is_named_in_a_sweep_too(command: Command):
    end = command(train, "cohort=nowhere", "fold=0..2")
    assert isinstance(end, str)
    assert end.startswith("train: nowhere holds no cohort")


@pytest.fixture
def cohort(write_cohort: Callable[..., Path]) -> str:
    """A table alone: what is tested with it ends before a series is read."""
    return f"cohort={write_cohort({'core_ml': range(30)})}"


def test_a_fold_outside_the_range_is_refused_in_one_sentence(command: Command, cohort: str):
    assert command(train, cohort, "fold=10") == "train: fold must be 0 to 9 (folds.n=10), got 10"


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=parallel", "hydra.launcher.n_jobs=1"]])
def test_a_sweep_is_refused_before_its_first_training_for_a_fold_at_its_end(
    command: Command, cohort: str, tmp_path: Path, launcher: list[str]
):
    sentence = "train: fold must be 0 to 9 (folds.n=10), got 10"
    assert command(train, cohort, "fold=0..10", f"outputs={tmp_path}/outputs", *launcher) == sentence
    assert not (tmp_path / "outputs/stroke").exists()


@pytest.mark.parametrize("fold", ["first", "1.5", "", "null"])
def test_a_fold_that_is_no_whole_number_is_refused_in_one_sentence(command: Command, cohort: str, fold: str):
    end = command(train, cohort, f"fold={fold}")
    assert isinstance(end, str)
    assert end.startswith("train: fold must")


CALLS = {
    "unknown key": (["cohort=here", "fold=0", "max_epochs=3"], "there is no setting 'max_epochs'"),
    "unknown ablation": (["cohort=here", "fold=0", "ablation=none"], "ablation must be"),
    "missing value": (["cohort=here"], "fold is required: add fold=…"),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[Path]]]:
    """Exit status, output and files of real commands, run side by side for their imports take seconds."""
    started = {}
    root = str(Path(cli.__file__).parents[2])
    for name, (arguments, _) in CALLS.items():
        folder = tmp_path_factory.mktemp("call")
        started[name] = (
            folder,
            subprocess.Popen(
                [sys.executable, "-m", "stroke_ctp.train", *arguments],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ),
        )
    results = {}
    for name, (folder, process) in started.items():
        output, _ = process.communicate(timeout=300)
        results[name] = process.returncode, output, [path for path in folder.rglob("*") if path.is_file()]
    return results


@pytest.mark.parametrize("name", CALLS)
def test_bad_input_ends_in_one_sentence_without_a_traceback_and_with_nothing_written(ended, name: str):
    status, output, files = ended[name]
    assert status == 1
    assert "Traceback" not in output
    assert output.startswith("train: ")
    assert output.count("\n") == 1
    assert CALLS[name][1] in output
    assert not files
