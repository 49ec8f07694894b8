from pathlib import Path

import pytest
from studies import write_study

from stroke_ctp.reporting.checklist_answers import checklist_answers
from stroke_ctp.reporting.checklists import AUTHOR, checklist_tables
from stroke_ctp.reporting.report import report_content
from stroke_ctp.reporting.study_background import StudyBackground
from stroke_ctp.reporting.tables.table import Table
from stroke_ctp.study.predictions import Study, read_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("outputs") / "demo")


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return read_study(folder)


def _checklists(study: Study, folder: Path, background: StudyBackground) -> list[Table]:
    content = report_content(study, folder, background)
    return checklist_tables(checklist_answers(content.results, content.runs, background))


def test_both_checklists_are_complete_and_leave_to_the_author_what_no_run_can_know(study: Study, folder: Path):
    claim, tripod = _checklists(study, folder, StudyBackground())
    assert [row["Item"] for row in claim.rows] == [str(number) for number in range(1, 45)]
    assert {int(row["Item"].rstrip("abcdefg")) for row in tripod.rows} == set(range(1, 28))
    answers = {row["Item"]: row["Answer"] for row in claim.rows}
    assert answers["44"] == AUTHOR
    assert answers["32"].startswith("Test folds: mean (SD) ROC-AUC 0.")
    assert "core volume > 50 mL" in answers["14"]


def _answers(study: Study, folder: Path) -> dict[str, str]:
    claim, tripod = _checklists(study, folder, StudyBackground())
    return {f"{table.name} {row['Item']}": row["Answer"] for table in (claim, tripod) for row in table.rows}


def test_tripods_subitems_are_those_that_were_published(study: Study, folder: Path):
    _, tripod = _checklists(study, folder, StudyBackground())
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


def test_checklists_claim_no_network_and_no_ensemble_where_there_was_none(study: Study, folder: Path):
    answers = _answers(Study("demo", {"cbv": study.ablations["cbv"]}), folder)
    assert answers["claim_2024 1"].startswith("No deep learning; CBV core: conventional perfusion analysis")
    assert {answers[f"claim_2024 {item}"] for item in (24, 26)} == {"No network was trained"}
    assert answers["claim_2024 27"] == "None: no external cohort was scored"
    assert _answers(study, folder)["claim_2024 27"].startswith("Mean of the probabilities of the 5 models")


def test_checklists_tell_hyperparameters_in_words(study: Study, folder: Path):
    settings = {"learning_rate": 0.001, "trainer.max_epochs": 500, "augmentation.max_angle": 15.0}
    claim, _ = _checklists(study, folder, StudyBackground(settings=settings))
    expected = "RMSprop, learning rate 0.001, at most 500 epochs, augmentation by rotation up to ±15°"
    assert claim.rows[24]["Answer"] == expected


def test_checklists_say_of_how_many_a_conventional_core_was_put_in(study: Study, tmp_path: Path):
    folder = write_study(tmp_path / "demo")
    assert _answers(study, folder)["tripod_ai 11"].endswith("no value is imputed")
    metrics = folder / "cbv" / "fold-0" / "metrics.json"
    metrics.write_text(metrics.read_text().replace("{", '{"not_measurable": 3, ', 1))
    for item in ("claim_2024 12", "tripod_ai 11"):
        assert _answers(study, folder)[item].endswith(
            "is replaced by the training folds' median (CBV core: 3 patients)"
        )
