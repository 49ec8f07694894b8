"""The README's commands, and what a test runs in place of each."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

SMALL = {
    "simulate": ["n_train=6", "n_external=4"],
    "train": ["fold=0..2", "folds.n=3", "bank.draws=1", "trainer.max_epochs=2", "encoder.weights=none"],
    "paper": [
        *("fold=0", "folds.n=3", "trainer.max_epochs=1", "encoder.weights=none", "batch_size=2"),
        "trainer.precision=bf16-mixed",  # a GPU's work: in single precision a minute of all cores
    ],
    "benchmark": ["short=true"],
}
"""What replaces or joins the arguments of each command of the package."""
SMALL_STUDY = {
    "NAME": "small",  # of both, so that the ensemble finds what the study has made
    "N_TRAIN": "6",
    "N_EXTERNAL": "4",
    "DRAWS": "1",
    "FOLDS": "0..2",
    "SETTINGS": "folds.n=3 trainer.max_epochs=2 encoder.weights=none",
}
"""What `make ensemble` and `make study` are given."""


def readme_commands() -> list[str]:
    """Lines of the README's shell blocks, without comments and prompts."""
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "cd "))]


def small(command: str, folder: Path, bank: Path) -> list[str]:
    """The command's arguments, with its sizes made small, for a run in `folder`.

    Features are encoded once for all tests: the cohorts of the README's commands and of make are the same.
    """
    words = shlex.split(command)
    if words[0] == "make":
        # The environment that runs this test stands in for the one that make would install.
        stamp = folder / "installed"
        stamp.touch()  # newer than all that could ask for another environment
        environment = [f"BIN={Path(sys.executable).parent}", f"INSTALLED={stamp}"]
        study = SMALL_STUDY | {"SETTINGS": f"{SMALL_STUDY['SETTINGS']} bank.folder={bank}", "OUTPUTS": f"{folder}/made"}
        return ["make", "--directory", str(ROOT), *words[1:], *environment, *(f"{k}={v}" for k, v in study.items())]
    assert words[:2] == ["python", "-m"], f"README: a command that no test can run: {command}"
    name = words[2].removeprefix("stroke_ctp.")
    overrides = SMALL.get("paper" if "experiment=paper" in words else name, [])
    if name == "train":
        overrides = [*overrides, f"bank.folder={bank}"]
    keys = {override.split("=")[0] for override in overrides}
    given = [word for word in words[3:] if word.split("=")[0] not in keys]
    return [sys.executable, "-m", words[2], *given, *overrides]


def run(command: str, folder: Path, bank: Path) -> str:
    """Run a command of the README as a user would, made small, and see that it succeeds; what it prints."""
    result = subprocess.run(
        small(command, folder, bank),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "Traceback" not in result.stderr
    return result.stdout
