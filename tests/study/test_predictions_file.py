"""The table of predictions: what is written is read back, and a value that breaks the contract is named."""

from pathlib import Path

import pandas as pd
import pytest

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import file_digest
from stroke_ctp.study.predictions_file import auc_of, read_predictions, write_predictions

PATIENTS = ["001", "NA", "003", "004"]
"""Names that pandas would take for a number and a missing value."""
TABLE = pd.DataFrame(
    {
        "patient": PATIENTS,
        "fold": 0,
        "split": ["test", "test", "validation", "validation"],
        "label": [0, 1, 0, 1],
        "core_ml": [3.0, 50.0, None, 60.0],
        "probability": [0.1, 0.8, 0.3, 0.9],
    }
)


def _read(path: Path, digest: str) -> pd.DataFrame:
    return read_predictions(path, digest, folds=("0",), splits=("validation", "test"))


def _refusal(path: Path, digest: str) -> str:
    with pytest.raises(UserError) as caught:
        _read(path, digest)
    return str(caught.value)


def test_a_table_is_read_back_with_names_as_text(tmp_path: Path):
    path = tmp_path / "predictions.csv"
    found = _read(path, write_predictions(path, TABLE.assign(extra=1)))
    pd.testing.assert_frame_equal(found, TABLE.assign(fold="0"))


def test_predicted_volumes_are_read_back_where_there_are_any(tmp_path: Path):
    path = tmp_path / "predictions.csv"
    table = TABLE.assign(predicted_ml=[2.0, 40, 9, 70], low_ml=1.0, high_ml=99.0)
    pd.testing.assert_frame_equal(_read(path, write_predictions(path, table)), table.assign(fold="0"))


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
def test_values_outside_their_range_are_named(tmp_path: Path, column: str, value: object, sentence: str):
    table = TABLE.astype(object)
    table.loc[0, column] = value
    path = tmp_path / "predictions.csv"
    refusal = _refusal(path, write_predictions(path, table))
    assert sentence in refusal
    assert "remove the file and run its command again" in refusal


def test_a_missing_column_is_named(tmp_path: Path):
    path = tmp_path / "predictions.csv"
    assert "label is missing" in _refusal(path, write_predictions(path, TABLE.drop(columns="label")))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"1'])
def test_a_damaged_table_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    assert f"{path} is not a table" in _refusal(path, file_digest(path))


def test_a_table_that_was_changed_or_removed_after_it_was_written_is_refused(tmp_path: Path):
    path = tmp_path / "predictions.csv"
    digest = write_predictions(path, TABLE)
    path.write_text(path.read_text().replace("0.8", "0.7"))
    sentence = f"{path} was changed after it was written; remove it and run its command again"
    assert _refusal(path, digest) == sentence
    path.unlink()
    assert _refusal(path, digest) == sentence


def test_the_auc_of_rows_of_one_class_is_none():
    assert auc_of(TABLE) == 1
    assert auc_of(TABLE[TABLE["label"] == 1]) is None
