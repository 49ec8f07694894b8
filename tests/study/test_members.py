"""Members of an ensemble: a fitted model is loaded from its run alone, and scores as the run did."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from noise import train_quickly, write_noise_cohort

from stroke_ctp.cohort.store import Cohort
from stroke_ctp.common.errors import UserError
from stroke_ctp.model import article
from stroke_ctp.model.provenance import Provenance
from stroke_ctp.study.members import load_member, settings_here
from stroke_ctp.study.run_folder import Elsewhere, RunFolder
from stroke_ctp.study.study_folder import StudyFolder

MODELS = ["full", "cbv_scan"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort and fold 1 of two models, not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    write_noise_cohort(folder / "cohort")
    common = (f"cohort={folder}/cohort", "fold=1", "name=mine", f"outputs={folder}/outputs", "trainer.max_epochs=2")
    train_quickly(*common)
    train_quickly(*common, "model=cbv_scan")
    return folder


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """The same on another place, to be changed."""
    shutil.copytree(trained, tmp_path / "copied")
    return tmp_path / "copied"


def _run(folder: Path, model: str = "full") -> RunFolder:
    return StudyFolder(folder / "outputs", "mine").run(model, 1)


def _scored(folder: Path, run: RunFolder) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities by the loaded member, and those that the run predicted."""
    cohort, predictions = Cohort(folder / "cohort"), run.predictions()
    rows = np.array([cohort.patients.index(patient) for patient in predictions["patient"]])
    return load_member(run).score(cohort, rows), predictions["probability"].to_numpy()


def test_settings_of_a_study_that_are_lost_are_written_again_by_a_command_that_trained(copied: Path):
    study = StudyFolder(copied / "outputs", "mine")
    path, expected = study.path / "settings.json", study.settings()
    again = (f"cohort={copied}/cohort", "fold=1", "name=mine", f"outputs={copied}/outputs", "model=cbv_scan")
    path.write_text("{")
    with pytest.raises(UserError, match=r"is damaged .*; remove what is there, and repeat a command that trained"):
        study.settings()
    path.unlink()
    with pytest.raises(SystemExit, match=r"fold-1 was trained with other settings; repeat those"):
        train_quickly(*again, "trainer.max_epochs=3")
    assert not path.exists()
    train_quickly(*again, "trainer.max_epochs=2")
    assert study.settings() == expected


@pytest.mark.parametrize("model", MODELS)
def test_a_member_scores_as_the_run_did(trained: Path, model: str):
    run = _run(trained, model)
    np.testing.assert_array_equal(*_scored(trained, run))
    assert load_member(run).record() == run.record().fitted


@pytest.mark.parametrize("model", MODELS)
def test_a_study_that_was_moved_scores_as_before_from_its_own_feature_cache(
    copied: Path, trained: Path, model: str, monkeypatch: pytest.MonkeyPatch
):
    def encode(*_: object) -> None:
        raise AssertionError("the features are in the cache that was moved with the study")

    run = _run(copied, model)
    assert run.settings().outputs == trained / "outputs"
    monkeypatch.setattr(article, "Encoder", encode)
    trained.rename(trained.with_name("gone"))
    try:
        np.testing.assert_array_equal(*_scored(copied, run))
    finally:
        trained.with_name("gone").rename(trained)


def test_other_encoder_weights_than_those_of_the_training_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch):
    run = _run(trained)
    record = run.record()
    assert record.encoder is not None
    monkeypatch.setattr(article, "provenance_of", lambda weights: Provenance(weights, "f" * 64))
    sentence = (
        f"trained with encoder weights {record.encoder.sha256[:12]}…, but encoder.weights=none are now {'f' * 12}…"
    )
    with pytest.raises(UserError, match=sentence):
        load_member(run)
    load_member(_run(trained, "cbv_scan"))  # it has no encoder


def test_settings_are_data_and_execute_nothing(copied: Path, tmp_path: Path):
    run, stolen = _run(copied), tmp_path / "stolen"
    path = run.path / "settings.json"
    attack = {"_target_": "shutil.copy", "src": str(path), "dst": str(stolen)}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"augmentation": attack}))
    with pytest.raises(UserError, match=r"settings\.json is damaged \(augmentation\..*; remove its folder"):
        load_member(run)
    assert not stolen.exists()


@pytest.mark.parametrize("lost", ["settings.json", "metrics.json", "best.ckpt"])
def test_a_missing_file_is_named(copied: Path, lost: str):
    run = _run(copied)
    (run.path / lost).unlink()
    with pytest.raises(UserError, match=lost):
        load_member(run)


def test_a_checkpoint_is_data_and_executes_nothing(copied: Path, tmp_path: Path):
    run, touched = _run(copied), tmp_path / "touched"

    class Attack:
        def __reduce__(self) -> tuple:
            return Path.touch, (touched,)

    torch.save({"state_dict": Attack()}, run.training.best)
    with pytest.raises(UserError, match=r"best\.ckpt cannot be read"):
        load_member(run)
    assert not touched.exists()


def test_a_folder_that_only_the_run_names_is_not_followed(copied: Path, tmp_path: Path):
    run = _run(copied)
    recorded = run.settings()
    run.write_settings(replace(recorded, bank=replace(recorded.bank, folder=tmp_path / "elsewhere")))
    load_member(run).score(Cohort(copied / "cohort"))
    assert not (tmp_path / "elsewhere").exists()
    assert settings_here(run).cache == copied / "outputs" / "bank"
    named = RunFolder(run.path, Elsewhere(bank=tmp_path / "named"))
    assert settings_here(named).cache == tmp_path / "named"


@pytest.mark.parametrize("key", ["augmentation", "input", "network", "trainer", "bank"])
def test_settings_that_name_a_class_are_damage(copied: Path, tmp_path: Path, key: str):
    run = _run(copied)
    path = run.path / "settings.json"
    content = json.loads(path.read_text())
    content[key] = {"_target_": "pathlib.Path.touch", "self": {"_target_": "pathlib.Path", "_args_": [str(tmp_path)]}}
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"settings\.json is damaged \({key}"):
        load_member(run)
