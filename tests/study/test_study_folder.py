"""A study's folder: its name, what it belongs to, and which runs it holds."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from studies import N_FOLDS, OXFORD, settings_of, write_model, write_run

from stroke_ctp.common.errors import UserError
from stroke_ctp.study.study_folder import StudyFolder


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "bank", "a/"])
def test_a_name_that_is_not_a_plain_folder_name_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UserError) as caught:
        StudyFolder(tmp_path, name)
    assert str(caught.value) == f"name must be a plain folder name other than bank, got {name!r}"


def test_the_folders_of_a_study_are_those_of_its_name(tmp_path: Path):
    study = StudyFolder(tmp_path, "mine")
    assert study.run("full", 3).path == tmp_path / "mine" / "full" / "fold-3"
    assert study.run("full", 3).fold == 3
    assert study.ensemble("full").path == tmp_path / "mine" / "full" / "ensemble"
    assert study.report == tmp_path / "mine" / "report"
    assert not (tmp_path / "mine").exists()


def test_a_claimed_study_accepts_its_own_settings_again(tmp_path: Path):
    study = StudyFolder(tmp_path, "mine")
    for _ in range(2):
        study.claim({"seed": 0}, "full", {"pathways": ["local", "global"]})
    study.refuse_other_settings({"seed": 0})
    assert study.settings() == {"seed": 0}


def test_other_settings_are_refused_with_their_names_and_both_values(tmp_path: Path):
    study = StudyFolder(tmp_path, "mine")
    study.refuse_other_settings({"seed": 0})  # nothing is claimed yet
    study.claim({"seed": 0, "folds": {"n": 10}}, "full", {"pathways": ["local"]})
    sentence = r"mine was made with other settings: folds\.n \(10 there, 5 here\); choose another name=NAME"
    with pytest.raises(UserError, match=sentence):
        study.refuse_other_settings({"seed": 0, "folds": {"n": 5}})
    with pytest.raises(UserError, match=sentence):
        study.claim({"seed": 0, "folds": {"n": 5}}, "cbv", {})
    assert not (study.path / "cbv").exists()
    with pytest.raises(UserError, match=r"full was made with other settings: pathways .*; choose another name=NAME"):
        study.claim({"seed": 0, "folds": {"n": 10}}, "full", {"pathways": ["global"]})


def test_models_stand_in_the_order_in_which_they_are_shown_and_other_folders_are_none(tmp_path: Path):
    study = StudyFolder(tmp_path, "mine")
    assert study.models() == []
    for model in ("my_model", "cbv", "local", "full"):
        study.run(model, 0).write_settings(settings_of(model, 0))
    (study.report / "tables").mkdir(parents=True)
    (study.path / "empty").mkdir()
    assert study.models() == ["full", "local", "cbv", "my_model"]


def _study(outputs: Path, model: str, *lost: int) -> StudyFolder:
    """A study of one model, some of whose folds are not complete."""
    study = StudyFolder(outputs, "demo")
    write_model(study, model, 0, None if model == "cbv" else OXFORD)
    for fold in lost:
        (study.run(model, fold).path / "metrics.json").unlink()
    return study


def test_complete_runs_are_given_by_fold(tmp_path: Path):
    study = _study(tmp_path, "full")
    (study.path / "full" / "fold-x").mkdir()
    runs = study.complete_runs("full")
    assert list(runs) == [(0, fold) for fold in range(5)]
    assert [run.fold for run in runs.values()] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("model", "choice"), [("full", "ablation=full"), ("local", "ablation=local"), ("cbv", "model=cbv")]
)
def test_missing_folds_are_named_with_the_command_that_trains_them(tmp_path: Path, model: str, choice: str):
    study = _study(tmp_path, model, 1, 3)
    with pytest.raises(UserError) as caught:
        study.complete_runs(model)
    assert str(caught.value) == (
        f"{study.path / model} must have all folds 0 to 4, missing 1, 3; "
        f"run `python -m stroke_ctp.train cohort=DIR outputs={tmp_path} name=demo {choice} fold=1,3 folds.n=5`"
    )
    assert list(study.complete_runs(model, partial=True)) == [(0, 0), (0, 2), (0, 4)]


def test_runs_of_several_seeds_stand_side_by_side(tmp_path: Path):
    study = _study(tmp_path, "full")
    write_model(study, "full", 1, OXFORD, seed=12)
    assert study.models() == ["full"]
    runs = study.complete_runs("full")
    assert list(runs) == [(seed, fold) for seed in (0, 12) for fold in range(5)]
    assert [run.path for run in runs.values()] == [study.run("full", fold, seed).path for seed, fold in runs]
    run = runs[12, 3]
    assert run.path == tmp_path / "demo" / "full" / "seed-12" / "fold-3"
    assert (run.seed, run.fold, run.member, run.outputs) == (12, 3, "3-seed-12", tmp_path)
    assert runs[0, 3].member == "3"


def test_missing_folds_of_a_seed_are_named_with_the_command_that_trains_them(tmp_path: Path):
    study = _study(tmp_path, "full")
    write_model(study, "full", 1, OXFORD, seed=2)
    (study.run("full", 4, seed=2).path / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"missing 4; run `.* ablation=full seed=2 fold=4 folds.n=5`") as caught:
        study.complete_runs("full")
    assert "must have all folds 0 to 4 of seed 2" in str(caught.value)
    assert len(study.complete_runs("full", partial=True)) == 9


def test_ten_folds_are_the_default_and_are_not_named_in_the_command(tmp_path: Path):
    study = StudyFolder(tmp_path, "mine")
    _one_run(study, 0, n_folds=10)
    with pytest.raises(UserError, match=r"name=mine ablation=full fold=1,2,3,4,5,6,7,8,9`$"):
        study.complete_runs("full")


def test_a_model_of_no_such_name_is_refused_with_the_nearest(tmp_path: Path):
    study = _study(tmp_path, "full")
    with pytest.raises(UserError, match=r"has no model ful; did you mean full\?$"):
        study.complete_runs("ful")
    with pytest.raises(UserError, match=r"has no model vit; it has full$"):
        study.complete_runs("vit")


@pytest.mark.parametrize(("model", "choice"), [("full", "ablation=full"), ("cbv", "model=cbv")])
def test_a_model_without_a_complete_fold_is_refused_with_the_command(tmp_path: Path, model: str, choice: str):
    study = _study(tmp_path, model, *range(N_FOLDS))
    with pytest.raises(UserError) as caught:
        study.complete_runs(model, partial=True)
    assert str(caught.value) == (
        f"no fold of {study.path / model} is complete; "
        f"run `python -m stroke_ctp.train cohort=DIR outputs={tmp_path} name=demo {choice} fold=0..9`"
    )


def test_runs_that_differ_in_what_they_must_share_are_refused(tmp_path: Path):
    study = _study(tmp_path, "full")
    _one_run(study, 3, settings="4567")
    with pytest.raises(UserError) as caught:
        study.complete_runs("full")
    sentence = str(caught.value)
    assert sentence.startswith(f"{study.path / 'full' / 'fold-3'} differs from the first run in {study.path / 'full'}")
    assert "settings (" in sentence
    assert "4567 here)" in sentence


def test_a_study_without_settings_is_refused_in_a_sentence(tmp_path: Path):
    study = StudyFolder(tmp_path, "mine")
    write_model(study, "full", 0, OXFORD)
    (study.path / "settings.json").write_text("[]")
    with pytest.raises(UserError, match=r"settings\.json is damaged \(Input should be an object\)"):
        study.settings()


@pytest.mark.parametrize("row", [3, None, {"a": 1}, [0.5], [0.5, 0.5, 0.5, 0.5, 2.0], [0.5, 0.5, 0.5, 0.5, "1"]])
def test_permutations_without_an_auc_of_every_fold_are_refused(tmp_path: Path, row: Any):
    study = _study(tmp_path, "full")
    runs, folder = study.runs_of_first_seed("full"), study.permutations("full")
    folder.claim(runs)
    folder.write(0, [0.5] * N_FOLDS)
    assert folder.aucs(runs).tolist() == [[0.5] * N_FOLDS]
    (folder.path / "00000.json").write_text(json.dumps({"test": row}))
    with pytest.raises(UserError, match=r"00000\.json must hold 5 AUCs from 0 to 1, got .*; remove it and"):
        folder.aucs(runs)


def _one_run(study: StudyFolder, fold: int, **changed: Any) -> None:
    rows = {"patient": ["p0", "p1"], "label": [0, 1], "core_ml": [1.0, 99.0], "probability": [0.1, 0.9]}
    write_run(study, "full", fold, pd.DataFrame({**rows, "fold": fold, "split": "test"}), OXFORD, **changed)
