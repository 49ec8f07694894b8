"""The cohort of a study: found, or missed with the option that names it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from stroke_ctp.study.recorded_cohort import recorded_cohort
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder


def test_a_cohort_outside_is_to_be_named_by_the_option_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RunFolder, "provenance", lambda _: SimpleNamespace(cohort="../../training"))
    monkeypatch.setattr(RunFolder, "record", lambda _: SimpleNamespace(cohort=SimpleNamespace(hash="a")))
    study = StudyFolder(tmp_path / "outputs", "stroke")
    runs = [RunFolder(study.path / "full/fold-0")]
    assert str(recorded_cohort(study, runs)).endswith("; name it with cohorts=DIR")
    assert str(recorded_cohort(study, runs, "cohort")).endswith("; name it with cohort=DIR")
