"""Every command of the README in its order and as a user types it, with the sizes made small.

But those of make and the benchmark, which have tests of their own; `make study` runs the estimate.
"""

from pathlib import Path

import pytest
from readme import README, readme_commands, run

from stroke_ctp.cohort.manifest import COLUMNS

ELSEWHERE = ("make ", "python -m stroke_ctp.benchmark", "python -m stroke_ctp.estimate")
COMMANDS = [line for line in readme_commands() if not line.startswith(ELSEWHERE)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which all commands run."""
    return tmp_path_factory.mktemp("user")


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_command_runs(command: str, workplace: Path, bank: Path) -> None:
    said = run(command, workplace, bank)
    assert (workplace / said.split()[-1]).exists()  # a command ends with the path of what it made


@pytest.mark.parametrize("column", COLUMNS)
def test_every_manifest_column_of_the_reader_is_in_the_readme(column: str) -> None:
    assert f"`{column}`" in README
