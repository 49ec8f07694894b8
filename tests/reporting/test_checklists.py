"""Reporting checklists: complete, and answered with what a study knows about itself."""

from dataclasses import replace
from pathlib import Path

import pytest
from studies import (
    COHORT,
    EXTERNAL,
    MARGIN,
    OXFORD,
    SENSITIVITY,
    write_ensemble,
    write_external,
    write_model,
    write_study,
)

from stroke_ctp.cohort.endpoint import Endpoint
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
    content = report_content(study, background, SENSITIVITY, MARGIN)
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
    assert answers["32"].startswith("Test folds: mean ROC-AUC (95 % CI, corrected resampled t) 0.")
    assert "core volume > 50 mL" in answers["14"]


def _label_items(answers: dict[str, str]) -> dict[str, str]:
    items = ("claim_2024 14", "claim_2024 17", "tripod_ai 8a", "tripod_ai 16")
    return {item: answers[item] for item in items}


def test_answers_about_labels_name_the_definition_of_each_cohort(
    study: Study, background: StudyBackground, tmp_path: Path
):
    measured = "CBV<1.2 mL/100 mL, measured on the scan by stroke_ctp"
    folder = StudyFolder(tmp_path, "other")
    write_model(folder, "full", 0, OXFORD, cohort=replace(COHORT, labels={measured: 60}))
    write_ensemble(folder, "full")
    rows = folder.ensemble("full").predictions(list(folder.complete_runs("full").values()))
    write_external(folder, "full", rows, cohort=replace(EXTERNAL, labels={"segmentation": 12}))
    other = read_study(folder)
    answers = _answers(other, background_of(folder, other))
    for answer in _label_items(answers).values():
        assert f"{measured} (60 patients)" in answer
        assert "segmentation (12 patients)" in answer
    assert "external cohort: otherwise than the training cohort" in answers["claim_2024 17"]
    assert answers["claim_2024 17"].endswith("volumes were measured by this software")
    same = _answers(study, background)
    assert "external cohort: as the training cohort, DWI (12 patients)" in same["claim_2024 17"]
    assert same["claim_2024 17"].endswith("this software made no annotations")


def test_a_label_that_the_manifest_does_not_define_is_not_called_the_same(tmp_path: Path):
    folder = StudyFolder(tmp_path, "silent")
    write_model(folder, "full", 0, OXFORD, cohort=replace(COHORT, labels={"": 60}))
    write_ensemble(folder, "full")
    rows = folder.ensemble("full").predictions(list(folder.complete_runs("full").values()))
    write_external(folder, "full", rows, cohort=replace(EXTERNAL, labels={"": 12}))
    silent = read_study(folder)
    answers = _answers(silent, background_of(folder, silent))
    assert "external cohort: definition not known for all, not given (12 patients)" in answers["claim_2024 17"]


def test_folds_are_not_called_clusters(study: Study, background: StudyBackground):
    answers = _answers(study, background)
    for item in ("tripod_ai 12d", "tripod_ai 23b"):
        assert answers[item].startswith("Not examined: folds are random parts of one cohort, not clusters")


def test_the_flow_counts_patients_by_outcome(study: Study, background: StudyBackground):
    answer = _answers(study, background)["tripod_ai 20a"]
    assert "60 patients (30 large, 30 small)" in answer
    assert "12 external patients (" in answer


def test_origin_and_limitations_are_answered_for_simulated_patients_and_left_to_the_author_for_real_ones(
    study: Study, background: StudyBackground, tmp_path: Path
):
    items = ("claim_2024 7", "claim_2024 40", "tripod_ai 5a", "tripod_ai 26")
    real = _answers(study, background)
    assert {real[item] for item in items} == {AUTHOR}
    folder = StudyFolder(tmp_path, "simulated")
    write_model(folder, "full", 0, OXFORD, cohort=replace(COHORT, simulated=60))
    simulated = read_study(folder)
    answers = _answers(simulated, background_of(folder, simulated))
    assert answers["claim_2024 7"] == answers["tripod_ai 5a"] == "Training cohort: 60 of 60 patients are simulated"
    assert answers["claim_2024 40"].startswith("Simulated patients. Nothing here tells")


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
    assert answers["tripod_ai 12g"] == "Test folds by the fold's model; no external cohort was scored"
    assert answers["tripod_ai 22"].startswith("Fitted values: metrics.json of every fold")
    assert _answers(study, background)["claim_2024 27"] == (
        "External patients only: probabilities by the mean, calls by the majority of 5 models"
    )


def test_checklists_give_hyperparameters_in_words(study: Study, background: StudyBackground):
    claim, _ = _checklists(study, background)
    assert claim.rows[24]["Answer"] == (
        "RMSprop, learning rate 0.001, batch size 12, at most 500 epochs, "
        "stopped 200 epochs after the lowest validation loss, augmentation by rotation up to ±15°, "
        "shift up to ±10 pixels, flip with probability 0.5"
    )


def test_models_without_training_of_a_network_claim_no_epochs_and_no_augmentation(tmp_path: Path):
    for model, fitted in (("cbv", {}), ("perfusion", {"weights": "4576ad54fafc1f00"})):
        folder = StudyFolder(tmp_path, model)
        write_model(folder, model, 0, None, fitted=fitted)
        alone = read_study(folder)
        answers = _answers(alone, background_of(folder, alone))
        training = "Logistic regression on the training patients of each fold; no augmentation, no epochs"
        assert answers["claim_2024 25"] == training
        assert training in answers["tripod_ai 12c"]


def test_checklists_count_the_patients_whose_conventional_core_was_imputed(
    study: Study, background: StudyBackground, tmp_path: Path
):
    assert _answers(study, background)["tripod_ai 11"].endswith("no value is imputed")
    folder = StudyFolder(tmp_path, "demo")
    write_model(folder, "cbv", 2, None, fitted={"not_measurable": 3})
    imputed = read_study(folder)
    answers = _answers(imputed, background_of(folder, imputed))
    for item in ("claim_2024 12", "tripod_ai 11"):
        assert answers[item].endswith(
            "a patient who cannot be measured gets the training folds' median measurement (CBV core: 3 patients)"
        )


def test_another_endpoint_than_the_core_volume_is_the_manifests_column(tmp_path: Path):
    folder = StudyFolder(tmp_path, "outcome")
    write_model(folder, "full", 0, OXFORD, endpoint=Endpoint("mrs", 2.0, 2.0))
    outcome = read_study(folder)
    answers = _answers(outcome, background_of(folder, outcome))
    labels = {item: answer for item, answer in _label_items(answers).items() if item != "tripod_ai 16"}  # no external
    assert all("column mrs of the manifest" in answer for answer in labels.values())
    assert not any("DWI" in answer for answer in labels.values())
