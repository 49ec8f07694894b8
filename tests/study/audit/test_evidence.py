"""What the audit knows of a study's cohorts: their content, or why it is unknown."""

from pathlib import Path

import numpy as np
import pytest
from cohorts import write_cohort
from studies import N_PATIENTS, OXFORD, PROVENANCE, write_model, write_study

from stroke_ctp import __version__
from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.files import file_digest
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.study.audit import conventional
from stroke_ctp.study.audit.evidence import AuditEvidence, gather_evidence
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.run_folder import CohortReference
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """The training cohort of `study`, where its runs recorded it; all patients share a series."""
    folder = tmp_path / "outputs" / PROVENANCE.cohort.removeprefix("../")
    return Cohort(write_cohort(folder, {"core_ml": np.linspace(1, 99, N_PATIENTS)}, {"s.npy": np.zeros(SERIES_SHAPE)}))


@pytest.fixture
def study(tmp_path: Path, cohort: Cohort) -> StudyFolder:
    folder = StudyFolder(tmp_path / "outputs", "demo")
    write_model(folder, "full", 0, OXFORD, cohort=CohortReference.of(cohort))
    return folder


def _evidence(study: StudyFolder) -> AuditEvidence:
    return gather_evidence(study, read_study(study))


def test_a_cohort_where_the_runs_recorded_it_is_known(study: StudyFolder, cohort: Cohort):
    evidence = _evidence(study)
    assert evidence.training.unknown == ""
    assert list(evidence.training.patients["patient"]) == cohort.patients
    sha = file_digest(cohort.files.series_path("s.npy"))
    assert evidence.training.series == dict.fromkeys(cohort.patients, sha)
    assert evidence.external.unknown == "no such cohort was scored"
    assert evidence.statistics.unknown == "5 of 5 checkpoints are missing"


def test_a_cohort_that_was_removed_is_unknown(tmp_path: Path):
    evidence = _evidence(write_study(tmp_path))
    removed = "its folder nowhere was moved or removed"
    assert evidence.training.unknown == evidence.external.unknown == removed
    assert evidence.statistics.unknown == f"training cohort: {removed}"


def test_a_folder_that_holds_another_cohort_is_unknown(study: StudyFolder, cohort: Cohort):
    table = cohort.files.table
    table.write_text(table.read_text().replace("p59,", "q59,"))
    assert _evidence(study).training.unknown == "its folder nowhere now holds another cohort"


def test_a_cohort_that_lost_a_series_is_unknown(study: StudyFolder, cohort: Cohort):
    cohort.files.series_path("s.npy").unlink()
    assert _evidence(study).training.unknown == "its series s.npy is missing"


def test_a_cohort_whose_tables_are_damaged_is_unknown(study: StudyFolder, cohort: Cohort):
    cohort.files.table.write_text("patient\n")
    assert _evidence(study).training.unknown == "its folder nowhere is incomplete; preprocess again"


@pytest.mark.parametrize(("values", "examined"), [({}, 0), ({f"p{row}": float(row) for row in range(N_PATIENTS)}, 3)])
def test_of_many_cores_some_are_measured_again_and_none_where_none_was_recorded(
    tmp_path: Path, cohort: Cohort, monkeypatch: pytest.MonkeyPatch, values: dict[str, float], examined: int
):
    monkeypatch.setattr(conventional, "core_value", lambda _, patients, row: values[patients.patients[row]])
    folder = StudyFolder(tmp_path / "outputs", "other")
    write_model(folder, "cbv", 0, None, fitted={"values": values})
    found = [
        one for one in conventional.examine_conventional(read_study(folder), cohort, "none") if "those of" in one.check
    ]
    expected = ["3 measurements repeated", "cbv: 57 of 60 cores of the training cohort, to save time"]
    assert [one.detail for one in found] == (expected if examined else [])


def test_cores_that_another_version_measured_are_not_measured_again(
    tmp_path: Path, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
):
    folder = StudyFolder(tmp_path / "outputs", "other")
    write_model(folder, "cbv", 0, None, fitted={"values": {f"p{row}": float(row) for row in range(N_PATIENTS)}})
    monkeypatch.setattr(conventional, "__version__", "9.9.9")
    found = conventional.examine_conventional(read_study(folder), cohort, "none")
    assert any(one.detail == f"cbv: measured by version {__version__} of this package" for one in found)
    assert not any("is not that of its series" in one.detail for one in found)
