"""The predictions of a study: read whole, or refused with the reason and the way out."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from studies import ARTICLE_FIT, EXTERNAL, FITS, OXFORD, PROVENANCE, write_ensemble, write_external, write_study

from stroke_ctp.cohort.endpoint import Endpoint
from stroke_ctp.common.errors import UserError
from stroke_ctp.study.ensemble_folder import ExternalCohort
from stroke_ctp.study.predictions import read_study
from stroke_ctp.study.run_folder import CohortReference, RunPatients
from stroke_ctp.study.study_folder import StudyFolder

PATIENTS = ["001", "NA", "003", "004"]
"""Names that pandas would take for a number and a missing value."""


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """Two folds: fold 0 tests the first two patients and validates the others, fold 1 the other way round."""
    folder = StudyFolder(tmp_path, "small")
    for fold in (0, 1):
        _write(folder, fold)
    return folder


def _fold(fold: int) -> pd.DataFrame:
    test = [position // 2 == fold for position in range(4)]
    return pd.DataFrame(
        {
            "patient": PATIENTS,
            "fold": fold,
            "split": ["test" if tested else "validation" for tested in test],
            "label": [0, 1, 0, 1],
            "core_ml": [3.0, 50.0, None, 60.0],
            "probability": [0.1, 0.8, 0.3, 0.9],
        }
    )


def _write(study: StudyFolder, fold: int, table: pd.DataFrame | None = None, model: str = "full", **changed: Any):
    record = {
        "model": model,
        "seed": 0,
        "fold": fold,
        "n_folds": 2,
        "endpoint": Endpoint("core_ml", "median", 32.4),
        "encoder": OXFORD,
        "cohort": CohortReference("a", 4, 0, {"": 4}),
        "settings": "0123",
        "patients": RunPatients([], [], []),
        "fitted": FITS.get(model, ARTICLE_FIT),
    }
    study.run(model, fold).write(record | changed, _fold(fold) if table is None else table, PROVENANCE)


def _write_ensemble(study: StudyFolder, *folds: object) -> None:
    table = pd.concat([_fold(0).assign(fold=fold, split="external") for fold in folds])
    record = {
        "model": "full",
        "n_folds": 2,
        "members": [study.run("full", fold).record().digest for fold in (0, 1)],
        "endpoint": Endpoint("core_ml", "median", 32.4),
        "encoder": OXFORD,
        "cohort": ExternalCohort("b", 4, 0, {"": 4}, large=2),
    }
    study.ensemble("full").write(record, table, PROVENANCE)


def _refusal(study: StudyFolder) -> str:
    with pytest.raises(UserError) as caught:
        read_study(study)
    return str(caught.value)


def test_patient_names_stay_as_written(study: StudyFolder):
    folds = read_study(study).models["full"].folds
    assert list(folds["patient"]) == PATIENTS * 2
    assert list(folds["fold"]) == [0] * 4 + [1] * 4


def test_every_model_is_found_in_the_articles_order_and_other_folders_are_not(study: StudyFolder):
    for model in ("odd", "cbv", "local"):
        for fold in (0, 1):
            _write(study, fold, model=model, encoder=None)
    (study.report / "tables").mkdir(parents=True)
    found = read_study(study)
    assert list(found.models) == ["full", "local", "cbv", "odd"]
    assert found.main.name == "full"
    assert found.models["cbv"].record.encoder is None


def test_a_name_with_nothing_run_says_how_to_train(tmp_path: Path):
    with pytest.raises(
        UserError, match=r"nothing was trained in .*nope; run `.*train cohort=DIR outputs=.* name=nope fold="
    ):
        read_study(StudyFolder(tmp_path, "nope"))


@pytest.mark.parametrize("lost", ["predictions.csv", "metrics.json"])
def test_missing_folds_are_named_with_the_command_to_run(study: StudyFolder, lost: str):
    (study.run("full", 1).path / lost).unlink()
    refusal = _refusal(study)
    assert "must have all folds 0 to 1, missing 1" in refusal
    assert (
        f"stroke_ctp.train cohort=DIR outputs={study.path.parent} name=small ablation=full fold=1 folds.n=2`" in refusal
    )


def test_a_model_without_a_complete_fold_is_refused(study: StudyFolder):
    for fold in (0, 1):
        (study.run("full", fold).path / "metrics.json").unlink()
    assert "no fold of" in _refusal(study)


def test_a_patient_tested_twice_is_named(study: StudyFolder):
    _write(study, 1, _fold(1).assign(split="test"))
    assert "must be tested exactly once, repeated: 001, NA;" in _refusal(study)


def test_a_patient_never_validated_is_named(study: StudyFolder):
    _write(study, 0, _fold(0).iloc[:3])
    assert "must be validated exactly once, never validated: 004;" in _refusal(study)


def test_folds_of_different_cohorts_are_refused(study: StudyFolder):
    _write(study, 1, cohort=CohortReference("b", 4, 0, {"": 4}))
    assert "cohort.hash (a there, b here)" in _refusal(study)


def test_folds_of_different_settings_are_refused(study: StudyFolder):
    _write(study, 1, settings="4567")
    refusal = _refusal(study)
    assert "fold-1 differs from the first run in" in refusal
    assert "settings (0123 there, 4567 here)" in refusal


def test_models_with_different_thresholds_are_refused(study: StudyFolder):
    for fold in (0, 1):
        _write(study, fold, model="local", endpoint=Endpoint("core_ml", 70.0, 70.0))
    assert "endpoint.threshold (32.4 there, 70.0 here)" in _refusal(study)


def test_a_table_that_was_changed_after_the_run_is_named(study: StudyFolder):
    table = study.run("full", 1).path / "predictions.csv"
    table.write_text(table.read_text().replace("0.8", "0.7"))
    assert "fold-1/predictions.csv was changed after it was written; remove it and run its command again" in _refusal(
        study
    )


def test_a_table_that_was_cut_short_is_called_changed(study: StudyFolder):
    table = study.run("full", 1).path / "predictions.csv"
    table.write_bytes(table.read_bytes()[:-12])
    assert "fold-1/predictions.csv was changed after it was written" in _refusal(study)


def test_a_damaged_record_is_named(study: StudyFolder):
    (study.run("full", 0).path / "metrics.json").write_text("{}")
    assert "fold-0/metrics.json is damaged (model: Field required); remove its folder and train" in _refusal(study)


def test_a_partial_study_is_read_on_request_and_has_no_ensemble(study: StudyFolder):
    _write_ensemble(study, 0, 1, "mean")
    (study.run("full", 1).path / "metrics.json").unlink()
    one = read_study(study, partial=True).models["full"]
    assert one.missing == {0: [1]}
    assert one.external is None
    assert one.ensemble is None
    assert set(one.folds["fold"]) == {0}


def test_the_ensemble_is_read_where_it_was_run(study: StudyFolder):
    assert read_study(study).models["full"].external is None
    _write_ensemble(study, 0, 1, "mean")
    one = read_study(study).models["full"]
    assert one.external is not None
    assert one.ensemble is not None
    assert list(one.external["fold"].unique()) == ["0", "1", "mean"]
    assert list(one.ensemble["patient"]) == PATIENTS


def test_an_ensemble_of_other_trainings_is_refused(study: StudyFolder):
    _write_ensemble(study, 0, 1, "mean")
    for fold in (0, 1):
        _write(study, fold, fitted=ARTICLE_FIT | {"epochs": 7})
    assert "was made from other runs" in _refusal(study)


def test_an_ensemble_that_is_not_complete_is_not_read(study: StudyFolder):
    _write_ensemble(study, 0, 1, "mean")
    (study.ensemble("full").path / "metrics.json").unlink()
    assert read_study(study).models["full"].external is None


def test_ensembles_of_two_external_cohorts_are_refused(tmp_path: Path):
    study = write_study(tmp_path)
    write_ensemble(study, "cbv")
    read_study(study)
    table = study.ensemble("cbv").predictions(list(study.complete_runs("cbv").values()))
    write_external(study, "cbv", table, cohort=replace(EXTERNAL, hash="another"))
    with pytest.raises(UserError, match=r"cbv differs from the first run in .*: external\.hash"):
        read_study(study)


def test_every_two_ensembles_are_compared_also_if_the_first_model_has_none(tmp_path: Path):
    study = write_study(tmp_path)
    shutil.rmtree(study.ensemble("full").path)
    write_ensemble(study, "local")
    write_ensemble(study, "cbv")
    table = study.ensemble("cbv").predictions(list(study.complete_runs("cbv").values()))
    write_external(study, "cbv", table, cohort=replace(EXTERNAL, hash="another"))
    with pytest.raises(UserError, match=r"cbv differs from the first run in .*: external\.hash"):
        read_study(study)
