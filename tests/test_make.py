"""The documented make targets, with the sizes made small; `make test` runs this very test."""

from pathlib import Path

import pandas as pd
import pytest
from documentation import SMALL_STUDY, all_commands, run


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which all targets run."""
    return tmp_path_factory.mktemp("user")


def test_the_documentation_names_the_targets_that_are_tried_here() -> None:
    targets = {line for line in all_commands() if line.startswith("make ")}
    assert targets == {"make study", "make ensemble", "make test"}


def test_make_study_is_whole(workplace: Path, bank: Path) -> None:
    run("make study", workplace, bank)
    study = workplace / "made/small"
    assert (study / "report/figures/figure3.png").exists()
    for model in ("full", "perfusion", "cbv"):
        tested = pd.concat(pd.read_csv(path) for path in (study / model).glob("fold-*/predictions.csv"))
        assert (tested.query("split == 'test'").groupby("patient").size() == 1).all()
        assert tested["patient"].nunique() == int(SMALL_STUDY["N_TRAIN"])
        external = pd.read_csv(study / model / "ensemble/predictions.csv")
        members = external[external["fold"] != "mean"].groupby("patient")["probability"].mean()
        mean = external[external["fold"] == "mean"].set_index("patient")["probability"]
        pd.testing.assert_series_equal(members, mean.sort_index(), check_names=False)


def test_make_ensemble_computes_nothing_that_the_study_has_made(workplace: Path, bank: Path) -> None:
    # The report is drawn anew, .sweep holds Hydra's record of the last call, and commands open their locks.
    passing = {"report", ".sweep"}
    results = [p for p in workplace.rglob("[!.]*") if p.is_file() and passing.isdisjoint(p.parts)]
    before = {path: path.stat().st_mtime_ns for path in results if path.parent != workplace}
    assert len(before) > 100
    run("make ensemble", workplace, bank)
    assert {path: path.stat().st_mtime_ns for path in before} == before
