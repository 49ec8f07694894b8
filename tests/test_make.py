"""The README's make targets, with the sizes made small; `make test` runs this very test."""

from pathlib import Path

import pandas as pd
import pytest
from readme import readme_commands, run


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which all targets run."""
    return tmp_path_factory.mktemp("user")


@pytest.mark.parametrize("command", ["make ensemble", "make study"])
def test_target_of_the_readme_runs(command: str, workplace: Path) -> None:
    assert command in readme_commands()
    run(command, workplace)


def test_the_readme_names_no_other_target() -> None:
    targets = {line for line in readme_commands() if line.startswith("make ")}
    assert targets == {"make ensemble", "make study", "make test"}


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
    run("make ensemble", workplace)
    assert {path: path.stat().st_mtime_ns for path in before} == before
