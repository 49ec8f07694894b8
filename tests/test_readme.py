"""Every command of the README, in its order and as a user types it, with the sizes made small."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

SMALL = {
    "simulate": ["n_train=9", "n_external=4"],
    "train": ["fold=0..2", "folds.n=3", "bank.draws=1", "trainer.max_epochs=2", "encoder.weights=none"],
    "paper": ["fold=0", "folds.n=3", "trainer.max_epochs=1", "encoder.weights=none", "batch_size=2"],
    "estimate": ["n_train=30", "max_epochs=1"],
}
"""What replaces or joins the arguments of each command of the package."""
SMALL_STUDY = {
    "NAME": "small",  # of both, so that the study continues what the ensemble began
    "N_TRAIN": "9",
    "N_EXTERNAL": "4",
    "DRAWS": "1",
    "FOLDS": "0..2",
    "SETTINGS": "folds.n=3 trainer.max_epochs=2 encoder.weights=none",
}
"""What `make ensemble` and `make study` are given."""
NOT_RUN = {"make test": "runs this very test"}


def readme_commands() -> list[str]:
    """Lines of the README's shell blocks, without comments and prompts."""
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "cd "))]


def small(command: str) -> list[str]:
    """The command's arguments, with its sizes made small."""
    words = shlex.split(command)
    if words[0] == "make":
        # The environment that runs this test stands in for the one that make would install.
        stamp = Path.cwd() / "installed"
        stamp.touch()  # newer than all that could ask for another environment
        environment = [f"BIN={Path(sys.executable).parent}", f"INSTALLED={stamp}"]
        sizes = [f"{key}={value}" for key, value in SMALL_STUDY.items()]
        return ["make", "--directory", str(ROOT), *words[1:], *environment, *sizes, f"OUTPUTS={Path.cwd()}/made"]
    assert words[:2] == ["python", "-m"], f"README: a command that no test can run: {command}"
    name = words[2].removeprefix("stroke_ctp.")
    overrides = SMALL.get("paper" if "experiment=paper" in words else name, [])
    keys = {override.split("=")[0] for override in overrides}
    given = [word for word in words[3:] if word.split("=")[0] not in keys]
    return [sys.executable, "-m", words[2], *given, *overrides]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which all commands run."""
    return tmp_path_factory.mktemp("user")


@pytest.mark.parametrize("command", readme_commands())
def test_readme_command_runs(command: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, reason in NOT_RUN.items():
        if part in command:
            pytest.skip(reason)
    monkeypatch.chdir(workplace)
    result = subprocess.run(
        small(command),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "Traceback" not in result.stderr


def test_study_of_make_is_whole_and_a_second_call_computes_nothing(workplace: Path) -> None:
    made = workplace / "made"
    study = made / "small"
    assert (study / "report/figures/figure3.png").exists()
    for ablation in ("full", "cbv"):
        tested = pd.concat(pd.read_csv(path) for path in (study / ablation).glob("fold-*/predictions.csv"))
        assert (tested.query("split == 'test'").groupby("patient").size() == 1).all()
        assert tested["patient"].nunique() == 9
        external = pd.read_csv(study / ablation / "ensemble/predictions.csv")
        members = external[external["fold"] != "mean"].groupby("patient")["probability"].mean()
        mean = external[external["fold"] == "mean"].set_index("patient")["probability"]
        pd.testing.assert_series_equal(members, mean.sort_index(), check_names=False)
    # The report is drawn anew, and .sweep holds Hydra's record of the last call.
    results = [p for p in made.rglob("*") if p.is_file() and {"report", ".sweep"}.isdisjoint(p.parts)]
    before = {path: path.stat().st_mtime_ns for path in results}
    command = small("make ensemble")[:-1]
    subprocess.run([*command, f"OUTPUTS={made}"], check=True, capture_output=True, timeout=600)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_every_manifest_column_of_the_reader_is_in_the_readme() -> None:
    for column in (
        "scan",
        "patient",
        "basal_ganglia",
        "supraganglionic",
        "core_ml",
        "core_mask",
        "label_definition",
        "frame_interval_s",
    ):
        assert f"`{column}`" in README
