import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from stroke_ctp.study.study_folder import StudyFolder

LONGEST = ("test_make.py", "test_documentation.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that all workers end together; skip tests that need a GPU without one."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="there is no GPU"))


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Feature cache that the documented commands share, in all processes of the tests."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "bank"


@pytest.fixture
def write_cohort(tmp_path: Path) -> Callable[..., Path]:
    """`cohorts.write_cohort` for a folder of this test."""
    from cohorts import write_cohort

    return functools.partial(write_cohort, tmp_path / "cohort")


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw their figures but neither write nor embed them: for tests of everything else."""
    monkeypatch.setattr("stroke_ctp.reporting.page.save", lambda *_: [])
    monkeypatch.setattr("stroke_ctp.reporting.page.embedded", lambda *_: "")


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple["StudyFolder", str]:
    """A made-up study with its report, not to be changed, and the text that was printed."""
    # Imported here, because the import hook that checks types must be installed first.
    from studies import MARGIN, SENSITIVITY, write_study

    from stroke_ctp.reporting.report import write_report

    folder = write_study(tmp_path_factory.mktemp("outputs"))
    return folder, write_report(folder, SENSITIVITY, MARGIN)
