"""Reporting checklists: complete, and answered with what a study knows about itself."""

from pathlib import Path

import pytest
from studies import SENSITIVITY, write_model, write_study

from stroke_ctp.reporting.checklist_answers import checklist_answers
from stroke_ctp.reporting.checklists import AUTHOR, checklist_tables
from stroke_ctp.reporting.report import report_content
from stroke_ctp.reporting.study_background import StudyBackground, background_of
from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.study.predictions import Study, read_study
from stroke_ctp.study.study_folder import StudyFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    return write_study(tmp_path_factory.mktemp("outputs"))


@pytest.fixture(scope="module")
def study(folder: StudyFolder) -> Study:
    return read_study(folder)


@pytest.fixture(scope="module")
def background(folder: StudyFolder, study: Study) -> StudyBackground:
    return background_of(folder, study)


def _checklists(study: Study, background: StudyBackground) -> list[Table]:
    content = report_content(study, background, SENSITIVITY)
    return checklist_tables(checklist_answers(content.results, content.trainings, background))


def _answers(study: Study, background: StudyBackground) -> dict[str, str]:
    claim, tripod = _checklists(study, background)
    return {f"{table.name} {row['Item']}": row["Answer"] for table in (claim, tripod) for row in table.rows}


def test_both_checklists_are_complete_and_leave_to_the_author_what_no_run_can_know(
    study: Study, background: StudyBackground
):
    claim, tripod = _checklists(study, background)
    assert [row["Item"] for row in claim.rows] == [str(number) for number in range(1, 45)]
    assert {int(row["Item"].rstrip("abcdefg")) for row in tripod.rows} == set(range(1, 28))
    answers = {row["Item"]: row["Answer"] for row in claim.rows}
    assert answers["44"] == AUTHOR
    assert answers["32"].startswith("Test folds: mean (SD) ROC-AUC 0.")
    assert "core volume > 50 mL" in answers["14"]


def test_tripods_subitems_are_those_that_were_published(study: Study, background: StudyBackground):
    _, tripod = _checklists(study, background)
    letters = {
        3: "abc",
        5: "ab",
        6: "abc",
        8: "abc",
        9: "abc",
        12: "abcdefg",
        18: "abcdef",
        20: "abc",
        23: "ab",
        27: "abc",
    }
    expected = [f"{item}{letter}" for item in range(1, 28) for letter in letters.get(item, ("",))]
    assert [row["Item"] for row in tripod.rows] == expected


def test_checklists_claim_no_network_and_no_ensemble_where_there_was_none(
    study: Study, folder: StudyFolder, background: StudyBackground
):
    alone = Study("demo", {"cbv": study.models["cbv"]})
    answers = _answers(alone, background_of(folder, alone))
    assert answers["claim_2024 1"].startswith("No deep learning; CBV core: conventional perfusion analysis")
    assert {answers[f"claim_2024 {item}"] for item in (24, 26)} == {"No network was trained"}
    assert answers["claim_2024 27"] == "None: no external cohort was scored"
    assert _answers(study, background)["claim_2024 27"].startswith("Mean of the probabilities of the 5 models")


def test_checklists_give_hyperparameters_in_words(study: Study, background: StudyBackground):
    claim, _ = _checklists(study, background)
    assert claim.rows[24]["Answer"] == (
        "RMSprop, learning rate 0.001, batch size 12, at most 500 epochs, "
        "stopped 200 epochs after the lowest validation loss, augmentation by rotation up to ±15°, "
        "shift up to ±10 pixels, flip with probability 0.5"
    )


def test_checklists_count_the_patients_whose_conventional_core_was_imputed(
    study: Study, background: StudyBackground, tmp_path: Path
):
    assert _answers(study, background)["tripod_ai 11"].endswith("no value is imputed")
    folder = StudyFolder(tmp_path, "demo")
    write_model(folder, "cbv", 2, None, fitted={"not_measurable": 3})
    imputed = read_study(folder)
    answers = _answers(imputed, background_of(folder, imputed))
    for item in ("claim_2024 12", "tripod_ai 11"):
        assert answers[item].endswith("is replaced by the training folds' median (CBV core: 3 patients)")
