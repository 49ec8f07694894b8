import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import digest, file_digest
from stroke_ctp.study.predictions import read_study

PATIENTS = ["001", "NA", "003", "004"]
"""Names that pandas would take for a number and a missing value."""


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """Two folds: fold 0 tests the first two patients and validates the others, fold 1 the other way round."""
    folder = tmp_path / "small" / "full"
    for fold in (0, 1):
        _write(folder / f"fold-{fold}", _fold(fold))
        _write_metrics(folder / f"fold-{fold}")
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


def _external(folds: tuple[object, ...]) -> pd.DataFrame:
    return pd.concat([_fold(0).assign(fold=fold, split="external") for fold in folds])


def _write(folder: Path, table: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "predictions.csv", index=False)


def _write_metrics(folder: Path, **changed: Any) -> None:
    metrics = {
        "n_folds": 2,
        "endpoint": {"column": "core_ml", "threshold": 32.4, "rule": "median"},
        "encoder": {"weights": "oxford", "sha256": "804ca2835ecf7539"},
        "cohort": {"hash": "a"},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics | changed))


def _write_ensemble(full: Path, table: pd.DataFrame) -> None:
    _write(full / "ensemble", table)
    members = [digest(json.loads((full / f"fold-{fold}" / "metrics.json").read_text())) for fold in (0, 1)]
    (full / "ensemble" / "metrics.json").write_text(json.dumps({"members": members}))


def _refusal(full: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_study(full.parent)
    return str(caught.value)


def test_patient_names_stay_as_written(full: Path):
    folds = read_study(full.parent).ablations["full"].folds
    assert list(folds["patient"]) == PATIENTS * 2
    assert list(folds["fold"]) == [0] * 4 + [1] * 4


def test_every_ablation_is_found_in_the_articles_order_and_other_folders_are_not(full: Path):
    for name in ("odd", "cbv", "local"):
        for fold in (0, 1):
            _write(full.parent / name / f"fold-{fold}", _fold(fold))
            _write_metrics(full.parent / name / f"fold-{fold}", encoder=None)
    (full.parent / "report" / "tables").mkdir(parents=True)
    study = read_study(full.parent)
    assert list(study.ablations) == ["full", "local", "cbv", "odd"]
    assert study.ablations["cbv"].encoder == ("", "")


def test_a_name_with_nothing_run_says_how_to_train(tmp_path: Path):
    with pytest.raises(UserError, match=r"nothing was run in .*nope; run `.*train cohort=DIR name=nope .*fold="):
        read_study(tmp_path / "nope")


@pytest.mark.parametrize("lost", ["predictions.csv", "metrics.json"])
def test_missing_folds_are_named_with_the_command_to_run(full: Path, lost: str):
    (full / "fold-1" / lost).unlink()
    refusal = _refusal(full)
    assert "must have all folds 0 to 1, missing 1" in refusal
    assert "stroke_ctp.train cohort=DIR name=small ablation=full fold=1 folds.n=2`" in refusal


def test_an_ablation_without_a_complete_fold_is_refused(full: Path):
    for fold in (0, 1):
        (full / f"fold-{fold}" / "metrics.json").unlink()
    assert "no fold of" in _refusal(full)


def test_a_patient_tested_twice_is_named(full: Path):
    _write(full / "fold-1", _fold(1).assign(split="test"))
    assert "must be tested exactly once, repeated: 001, NA;" in _refusal(full)


def test_a_patient_never_validated_is_named(full: Path):
    _write(full / "fold-0", _fold(0).iloc[:3])
    assert "must be validated exactly once, never validated: 004;" in _refusal(full)


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("probability", 1.2, "probability must be a number from 0 to 1, got 1.2 (patient 001"),
        ("probability", "high", "probability must be a number from 0 to 1, got high (patient 001"),
        ("probability", None, "probability must be a number from 0 to 1, got nan (patient 001"),
        ("label", 2, "label must be 0 (small) or 1 (large), got 2 (patient 001"),
        ("label", None, "label must be 0 (small) or 1 (large), got nan (patient 001"),
        ("split", "train", "split must be validation or test, got train (patient 001"),
        ("fold", 7, "fold must be 0, got 7 (patient 001"),
    ],
)
def test_values_outside_their_range_are_named(full: Path, column: str, value: object, sentence: str):
    table = _fold(0).astype(object)
    table.loc[0, column] = value
    _write(full / "fold-0", table)
    assert sentence in _refusal(full)


def test_a_missing_column_is_named(full: Path):
    _write(full / "fold-0", _fold(0).drop(columns="label"))
    assert "label is missing" in _refusal(full)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"1'])
def test_a_damaged_table_is_named(full: Path, content: bytes):
    (full / "fold-0" / "predictions.csv").write_bytes(content)
    assert "fold-0/predictions.csv" in _refusal(full)


def test_folds_of_different_cohorts_are_refused(full: Path):
    _write_metrics(full / "fold-1", cohort={"hash": "b"})
    assert "cohort.hash (a there, b here)" in _refusal(full)


def test_folds_of_mixed_configurations_are_refused(full: Path):
    _write_metrics(full / "fold-0", settings="0123")
    _write_metrics(full / "fold-1", settings="4567")
    assert "fold-1 differs from the first run in" in _refusal(full)
    assert "settings (0123 there, 4567 here)" in _refusal(full)


def test_a_table_that_was_changed_after_it_was_made_is_named(full: Path):
    digest_of_another = "0" * 64
    _write_metrics(full / "fold-1", predictions=digest_of_another)
    assert "fold-1/predictions.csv was changed after it was written; remove it and run its command again" in _refusal(
        full
    )


def test_a_study_with_missing_folds_is_read_where_that_is_asked_for_and_has_no_ensemble_then(full: Path):
    _write_ensemble(full, _external((0, 1, "mean")))
    (full / "fold-1" / "metrics.json").unlink()
    one = read_study(full.parent, partial=True).ablations["full"]
    assert one.missing == (1,)
    assert one.external is None
    assert set(one.folds["fold"]) == {0}


def test_ablations_with_different_thresholds_are_refused(full: Path):
    for fold in (0, 1):
        _write(full.parent / "local" / f"fold-{fold}", _fold(fold))
        _write_metrics(
            full.parent / "local" / f"fold-{fold}",
            endpoint={"column": "core_ml", "threshold": 70, "rule": 70},
        )
    assert "endpoint.threshold (32.4 there, 70 here)" in _refusal(full)


def test_metrics_without_a_setting_are_refused(full: Path):
    (full / "fold-0" / "metrics.json").write_text("{}")
    assert "lacks n_folds, endpoint, cohort" in _refusal(full)


@pytest.mark.parametrize(
    "damage", [{"n_folds": "two"}, {"n_folds": None}, {"endpoint": "large"}, {"endpoint": {"column": 3}}, {"cohort": 1}]
)
def test_metrics_that_are_not_what_training_writes_are_refused_by_name(full: Path, damage: dict[str, Any]):
    for fold in (0, 1):
        _write_metrics(full / f"fold-{fold}", **damage)
    assert f"fold-0/metrics.json has a damaged {next(iter(damage))}; remove it and train" in _refusal(full)


def test_a_sealed_table_that_was_cut_short_is_called_changed(full: Path):
    table = full / "fold-1" / "predictions.csv"
    _write_metrics(full / "fold-1", predictions=file_digest(table))
    table.write_bytes(table.read_bytes()[:-12])
    assert "fold-1/predictions.csv was changed after it was written" in _refusal(full)


def test_the_ensemble_is_read_where_it_was_run(full: Path):
    assert read_study(full.parent).ablations["full"].external is None
    _write_ensemble(full, _external((0, 1, "mean")))
    external = read_study(full.parent).ablations["full"].external
    assert external is not None
    assert list(external["fold"].unique()) == ["0", "1", "mean"]


def test_an_ensemble_without_its_mean_is_refused(full: Path):
    _write_ensemble(full, _external((0, 1)))
    assert "missing in mean" in _refusal(full)


def test_an_ensemble_with_a_patient_twice_is_refused(full: Path):
    _write_ensemble(full, _external((0, 1, "mean", "mean")))
    assert "once per fold, repeated: 001, NA, 003, 004" in _refusal(full)


def test_an_ensemble_whose_member_lacks_a_patient_is_refused(full: Path):
    _write_ensemble(full, _external((0, 1, "mean")).iloc[1:])
    assert "missing in 0;" in _refusal(full)


def test_an_ensemble_of_other_trainings_is_refused(full: Path):
    _write_ensemble(full, _external((0, 1, "mean")))
    for fold in (0, 1):
        _write_metrics(full / f"fold-{fold}", training={"epochs": 7})
    assert "made from other trainings" in _refusal(full)


def test_an_ensemble_that_is_not_complete_is_not_read(full: Path):
    _write(full / "ensemble", _external((0, 1, "mean")))
    assert read_study(full.parent).ablations["full"].external is None
