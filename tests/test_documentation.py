"""Every command of the README and of docs/ in reading order and as a user types it, with the sizes made small.

The pages share one folder, so that a page can use what an earlier one has made. The commands of make and the benchmark
have tests of their own; `make study` runs the estimate.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from documentation import (
    README,
    ROOT,
    all_commands,
    anchors,
    commands,
    example_manifest,
    links,
    named_files,
    pages,
    run,
)

from stroke_ctp.cohort.manifest import COLUMNS, read_manifest

ELSEWHERE = ("make ", "python -m stroke_ctp.benchmark", "python -m stroke_ctp.estimate")
COMMANDS = [command for command in all_commands() if not command.startswith(ELSEWHERE)]
PLACEHOLDERS = {"NAME": "*", "MODEL": "*", "fold-K": "fold-*", "seed-S": "seed-*"}
"""What the pages write for parts of a path, and the pattern of each."""
NOT_MADE = {"outputs/benchmark/benchmark.json", "outputs/core-accuracy.csv", "outputs/faults.json", "risk_coverage.png"}
"""Made by commands with tests of their own."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which all commands run."""
    return tmp_path_factory.mktemp("user")


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command_runs(command: str, workplace: Path, bank: Path) -> None:
    said = run(command, workplace, bank)
    assert (workplace / said.split()[-1]).exists()  # a command ends with the path of what it made


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path, workplace: Path) -> None:
    """In the project, or made by the commands of the test above."""
    made = [path.relative_to(workplace).as_posix() for path in workplace.rglob("*")]
    missing = []
    for name in sorted(set(named_files(page)) - NOT_MADE):
        pattern = name.rstrip("/")
        for part, wildcard in PLACEHOLDERS.items():
            pattern = pattern.replace(part, wildcard)
        in_project = any((folder / pattern).exists() for folder in (ROOT, ROOT / "stroke_ctp"))
        if not in_project and not any(fnmatch(f"/{path}", f"*/{pattern}") for path in made):
            missing.append(name)
    assert not missing


def test_commands_are_found_on_the_readme_and_on_pages() -> None:
    assert commands(README)
    assert sum(bool(commands(page)) for page in pages()) >= 4


def test_the_readme_links_to_every_page() -> None:
    assert set(pages()[1:]) == set((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in links(page):
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_test_that_a_page_names_exists() -> None:
    named = [found for page in pages() for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text())]
    assert named
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 140


def test_the_readmes_manifest_is_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(example_manifest())
    patients = read_manifest(tmp_path / "manifest.csv")
    assert [patient.patient for patient in patients] == ["A", "B"]
    assert all(row.core_ml is not None and len(row.levels) == 2 for patient in patients for row in patient.rows)
    assert not any(patient.carried for patient in patients)


def test_the_documented_manifest_columns_are_those_that_the_reader_knows() -> None:
    page = (ROOT / "docs/manifest-and-preprocessing.md").read_text()
    table = page.split("## Manifest\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(COLUMNS)
