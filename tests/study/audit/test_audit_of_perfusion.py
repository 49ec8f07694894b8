"""The perfusion model in the audit: heads that saw other patients, and areas of other series, are found."""

import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from noise import train_quickly, write_noise_cohort

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.study.audit.findings import Finding, Verdict
from stroke_ctp.study.audit.perfusion import examine_perfusion
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folds on a cohort of noise."""
    folder = tmp_path_factory.mktemp("honest")
    write_noise_cohort(folder / "cohort")
    train_quickly(f"cohort={folder}/cohort", f"outputs={folder}/outputs", "name=s", "fold=0..2", "model=perfusion")
    return folder


@pytest.fixture
def examine(honest: Path, tmp_path: Path) -> Callable[..., list[Finding]]:
    """Findings of a copy whose runs record other things that they fitted."""

    def examined(fold: int = 0, **changed: Any) -> list[Finding]:
        shutil.copytree(honest / "outputs", tmp_path / "outputs")
        folder = StudyFolder(tmp_path / "outputs", "s")
        run = folder.run("perfusion", fold)
        record = {
            name: getattr(run.record(), name) for name in asdict(run.record()) if name not in ("auc", "predictions")
        }
        run.write(record | {"fitted": run.record().fitted | changed}, run.predictions(), run.provenance())
        return examine_perfusion(read_study(folder), Cohort(honest / "cohort"), "none")

    return examined


def test_an_honest_study_passes(examine: Callable[..., list[Finding]]):
    found = examine()
    assert [finding.verdict for finding in found] == [Verdict.PASSED, Verdict.PASSED, Verdict.UNCHECKED]
    assert "24 probabilities from heads fitted again" in found[0].detail
    assert found[1].detail == "3 patients measured again"


def test_a_study_without_its_cohort_says_what_could_not_be_measured_again(honest: Path):
    folder = StudyFolder(honest / "outputs", "s")
    found = examine_perfusion(read_study(folder), "its folder was removed", "none")
    assert [finding.verdict for finding in found] == [Verdict.PASSED, Verdict.UNCHECKED]


def test_areas_that_are_not_those_of_the_series_are_found(honest: Path, examine: Callable[..., list[Finding]]):
    areas = StudyFolder(honest / "outputs", "s").run("perfusion", 0).record().fitted["areas"]
    changed = {patient: (np.array(values) + 5).tolist() for patient, values in areas.items()}
    failed = [finding.detail for finding in examine(areas=changed) if finding.verdict is Verdict.FAILED]
    assert any("perfusion: areas differ between its folds" in detail for detail in failed)
    assert any("perfusion, fold 0: the probability of patient" in detail for detail in failed)


def test_heads_that_were_fitted_on_test_patients_too_are_found(honest: Path, monkeypatch: pytest.MonkeyPatch):
    folder = StudyFolder(honest / "outputs", "s")
    study = read_study(folder)
    run = study.models["perfusion"].runs[0, 0]
    record = run.record()
    cheating = record.patients.train[:-1] + record.patients.test[:1]
    patients = type(record.patients)(cheating, record.patients.validation, record.patients.test)
    monkeypatch.setattr(type(run), "record", lambda _: type(record)(**(vars(record) | {"patients": patients})))
    found = examine_perfusion(study, Cohort(honest / "cohort"), "none")
    assert any("is not that of heads fitted on its patients" in finding.detail for finding in found)


def test_heads_without_their_areas_or_training_classes_are_not_fitted_again(
    honest: Path, tmp_path: Path, examine: Callable[..., list[Finding]]
):
    (left,) = [one for one in examine(areas={}) if one.verdict is Verdict.UNCHECKED]
    assert left.detail == "perfusion: a run did not record its measurements"
    shutil.copytree(honest / "outputs", tmp_path / "partial")
    folder = StudyFolder(tmp_path / "partial", "s")
    for fold in (1, 2):
        shutil.rmtree(folder.run("perfusion", fold).path)
    (heads, _) = examine_perfusion(read_study(folder, True), "moved", "none")
    assert heads.detail == "perfusion: folds that test the training patients are missing"


@pytest.mark.parametrize("changed", [{"predicted_ml": 5.0}, {"high_ml": 99.0}, {"low_ml": np.nan}])
def test_core_volumes_that_were_rewritten_or_removed_are_found(
    honest: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, float]
):
    folder = StudyFolder(honest / "outputs", "s")
    read = RunFolder.predictions
    monkeypatch.setattr(RunFolder, "predictions", lambda run: read(run).assign(**changed))
    found = examine_perfusion(read_study(folder), Cohort(honest / "cohort"), "none")
    sentence = "perfusion, fold 0: the core volume of patient .* is not that of heads fitted on its patients"
    assert re.fullmatch(sentence, found[0].detail)


def test_areas_are_not_measured_again_with_weights_that_are_gone(honest: Path, monkeypatch: pytest.MonkeyPatch):
    def gone(_: str) -> None:
        raise UserError("there are no weights")

    monkeypatch.setattr("stroke_ctp.model.perfusion_weights.read_weights", gone)
    folder = StudyFolder(honest / "outputs", "s")
    found = examine_perfusion(read_study(folder), Cohort(honest / "cohort"), "none")
    assert (found[1].verdict, found[1].detail) == (Verdict.UNCHECKED, "perfusion: there are no weights")


def test_areas_are_not_measured_again_with_other_weights_than_those_of_the_training(
    examine: Callable[..., list[Finding]],
):
    left = examine(weights="0123")[1]
    assert (left.verdict, left.detail) == (
        Verdict.UNCHECKED,
        "perfusion: its weights are no longer those of the training",
    )
