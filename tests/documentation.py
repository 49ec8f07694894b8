"""The commands of the README and of the pages under docs/, and what a test runs in place of each."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

SMALL = {
    "simulate": ["n_train=6", "n_external=4"],
    "train": ["fold=0..2", "folds.n=3", "bank.draws=1", "trainer.max_epochs=2", "encoder.weights=none"],
    "paper": [
        *("fold=0", "folds.n=3", "trainer.max_epochs=1", "encoder.weights=none", "batch_size=2"),
        "trainer.precision=bf16-mixed",  # a GPU's work: in single precision a minute of all cores
    ],
    "stress": ["patients=2", "axes=noise", "levels=5"],
    "permute": ["permutations=1"],
    "pretrain": ["patients=2", "steps=2"],
    "benchmark": ["short=true"],
}
"""Arguments that replace or join those of each command of the package."""
SMALL_STUDY = {
    "NAME": "small",  # of both, so that the ensemble finds what the study has made
    "N_TRAIN": "6",
    "N_EXTERNAL": "4",
    "DRAWS": "1",
    "FOLDS": "0..2",
    "SETTINGS": "folds.n=3 trainer.max_epochs=2 encoder.weights=none",
}
"""Variables that `make ensemble` and `make study` get."""


def links(page: Path) -> list[str]:
    """Targets of a page's links and pictures that are not web addresses, in order."""
    return [target for target in _LINK.findall(_prose(page)) if not target.startswith(("http:", "https:"))]


def pages() -> list[Path]:
    """The README, then the pages under docs/ in the order in which the README first links to them."""
    linked = [README.parent / target.partition("#")[0] for target in links(README)]
    return [README, *dict.fromkeys(path for path in linked if path.suffix == ".md" and path.exists())]


def commands(page: Path) -> list[str]:
    """Commands in the `bash` blocks of a page, without comments."""
    text = "\n".join(_blocks(page, "bash")).replace("\\\n", " ")
    lines = [line.split("  #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def all_commands() -> list[str]:
    """Commands of all pages in reading order; a repeated one stands where it stands first."""
    return list(dict.fromkeys(command for page in pages() for command in commands(page)))


def example_manifest() -> str:
    """The README's manifest."""
    (block,) = _blocks(README, "csv")
    return block


def named_files(page: Path) -> list[str]:
    """Names of files and folders that a page gives as code, such as `cohort.csv` or `tests/slurm.py`."""
    spans = re.findall(r"`([^`\n]+)`", _prose(page))
    return [span for span in spans if re.fullmatch(r"\w[\w./-]*(/|\.(csv|json|html|png|gz|ckpt|py|yaml|md))", span)]


def anchors(page: Path) -> set[str]:
    """Anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def small(command: str, folder: Path, bank: Path) -> list[str]:
    """The arguments of a command with its sizes made small, for a run in `folder`.

    All tests share one feature cache: the cohorts of the pages' commands and of make are the same.
    """
    words = shlex.split(command)
    if words[0] == "make":
        # The environment that runs this test replaces the one that make would install.
        stamp = folder / "installed"
        stamp.touch()  # newer than anything that could ask for another environment
        environment = [f"BIN={Path(sys.executable).parent}", f"INSTALLED={stamp}"]
        study = SMALL_STUDY | {"SETTINGS": f"{SMALL_STUDY['SETTINGS']} bank.folder={bank}", "OUTPUTS": f"{folder}/made"}
        return ["make", "--directory", str(ROOT), *words[1:], *environment, *(f"{k}={v}" for k, v in study.items())]
    assert words[:2] == ["python", "-m"], f"a documented command that no test can run: {command}"
    name = words[2].removeprefix("stroke_ctp.")
    overrides = SMALL.get("paper" if "experiment=paper" in words else name, [])
    if name == "train":
        overrides = [*overrides, f"bank.folder={bank}"]
    keys = {override.split("=")[0] for override in overrides}
    given = [word.replace("seed=0..4", "seed=0,1") for word in words[3:] if word.split("=")[0] not in keys]
    return [sys.executable, "-m", words[2], *given, *overrides]


def run(command: str, folder: Path, bank: Path) -> str:
    """Run a documented command as a user would, made small; require success and return what it prints."""
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


def _blocks(page: Path, language: str) -> list[str]:
    """Contents of a page's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def _prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
