"""An ensemble's folder: what is written is read back, and other members, cohorts or rows are refused."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from studies import OXFORD, PROVENANCE, write_external, write_model

from stroke_ctp.common.errors import UserError
from stroke_ctp.study.ensemble_folder import EnsembleFolder, ExternalAUC
from stroke_ctp.study.run_folder import RunFolder
from stroke_ctp.study.study_folder import StudyFolder

RETRAINED = dict.fromkeys(("feature_cache", "features", "feature_statistics")) | {"epochs": 7, "best_epoch": 4}
FOLDS = ["0", "1", "2", "3", "4", "mean"]


def _external(*folds: str) -> pd.DataFrame:
    rows = {"patient": ["001", "NA"], "split": "external", "label": [0, 1], "core_ml": [3.0, 60.0]}
    return pd.concat([pd.DataFrame({**rows, "fold": fold, "probability": [0.1, 0.9]}) for fold in folds])


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """Five members and their mean."""
    folder = StudyFolder(tmp_path, "demo")
    write_model(folder, "full", 0, OXFORD)
    write_external(folder, "full", _external(*FOLDS))
    return folder


def _members(study: StudyFolder) -> list[RunFolder]:
    return list(study.complete_runs("full").values())


def _refusal(study: StudyFolder) -> str:
    with pytest.raises(UserError) as caught:
        study.ensemble("full").predictions(_members(study))
    return str(caught.value)


def test_what_is_written_is_read_back(study: StudyFolder):
    ensemble = study.ensemble("full")
    found = ensemble.predictions(_members(study))
    assert list(found["fold"].unique()) == FOLDS
    assert list(found["patient"]) == ["001", "NA"] * 6
    record = ensemble.record()
    assert record.members == [run.record().digest for run in _members(study)]
    assert record.auc == ExternalAUC(1.0, [1.0] * 5)
    assert ensemble.provenance() == PROVENANCE


def test_the_auc_of_one_class_is_none(study: StudyFolder):
    write_external(study, "full", _external(*FOLDS).assign(label=1))
    assert study.ensemble("full").record().auc == ExternalAUC(None, [None] * 5)


def test_an_ensemble_is_complete_only_with_both_results(study: StudyFolder):
    ensemble = study.ensemble("full")
    assert ensemble.is_complete
    (ensemble.path / "predictions.csv").unlink()
    assert not ensemble.is_complete


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (_external("0", "1", "2", "3", "4"), "in their mean, missing in mean; remove its folder"),
        (_external(*FOLDS, "mean"), "once per fold, repeated: 001, NA"),
        (_external(*FOLDS).iloc[1:], "must have every patient in each of the members 0 to 4"),
        (_external(*FOLDS).iloc[1:], "missing in 0;"),
        (_external(*FOLDS, "5"), "fold must be 0, 1, 2, 3, 4 or mean, got 5 (patient 001"),
        (_external(*FOLDS).assign(split="test"), "split must be external, got test (patient 001"),
    ],
    ids=["no mean", "patient twice", "patient missing", "member named", "unknown member", "test patients"],
)
def test_rows_that_break_the_contract_are_named(study: StudyFolder, table: pd.DataFrame, sentence: str):
    write_external(study, "full", table)
    assert sentence in _refusal(study)


def test_predictions_that_were_changed_afterwards_are_refused(study: StudyFolder):
    path = study.ensemble("full").path / "predictions.csv"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    assert _refusal(study) == f"{path} was changed after it was written; remove it and run its command again"


def test_an_ensemble_of_other_members_is_refused(study: StudyFolder):
    write_model(study, "full", 0, OXFORD, fitted=RETRAINED)
    assert _refusal(study).endswith(
        f"was made from other runs than those in {study.path}/full; remove its folder and run the ensemble again"
    )


@pytest.mark.parametrize("changed", [{"cohort": "c"}, {"fitted": RETRAINED}], ids=["cohort", "members"])
def test_a_folder_scored_on_another_cohort_or_by_other_members_is_refused(study: StudyFolder, changed: dict[str, Any]):
    ensemble = study.ensemble("full")
    for _ in range(2):  # an interrupted ensemble continues
        ensemble.claim("b", _members(study))
    if "fitted" in changed:
        write_model(study, "full", 0, OXFORD, **changed)
    with pytest.raises(UserError, match=r"ensemble was made with other settings: .*; remove the folder to score again"):
        ensemble.claim(changed.get("cohort", "b"), _members(study))


def test_a_damaged_record_is_named_with_the_way_out(study: StudyFolder):
    ensemble = study.ensemble("full")
    for name, read in (("metrics.json", ensemble.record), ("run.json", ensemble.provenance)):
        (ensemble.path / name).write_text('{"model": 3}')
        with pytest.raises(UserError, match=rf"{name} is damaged \(.*\); remove its folder and run the ensemble again"):
            read()


def test_a_folder_that_was_never_scored_is_missing_its_record(tmp_path: Path):
    ensemble = EnsembleFolder(tmp_path / "ensemble")
    assert not ensemble.is_complete
    with pytest.raises(UserError, match=r"metrics\.json is missing; remove its folder"):
        ensemble.record()
