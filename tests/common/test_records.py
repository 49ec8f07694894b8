import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic.dataclasses import dataclass

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import write_json
from stroke_ctp.common.records import read_record
from stroke_ctp.common.schemas import STRICT, plain

WAY_OUT = "remove it and train the fold again"


@dataclass(frozen=True, config=STRICT)
class Weights:
    sha256: str


@dataclass(frozen=True, config=STRICT)
class Run:
    model: str
    fold: int
    encoder: Weights | None
    patients: tuple[str, ...]
    fitted: dict[str, Any]
    folder: Path = Path("outputs")


RUN = Run("full", 3, Weights("c0ffee"), ("p0", "007"), {"epochs": 12, "scale": {"slope": 0.1}}, Path("a/b"))
CONTENT = {
    "model": "full",
    "fold": 3,
    "encoder": {"sha256": "c0ffee"},
    "patients": ["p0", "007"],
    "fitted": {"epochs": 12, "scale": {"slope": 0.1}},
    "folder": "a/b",
}


def _refusal(path: Path) -> str:
    with pytest.raises(UserError) as refusal:
        read_record(path, Run, WAY_OUT)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert len(sentence) < 300 + len(str(path))
    assert sentence.startswith(f"{path} ")
    assert sentence.endswith(f"; {WAY_OUT}")
    return sentence.removeprefix(f"{path} ").removesuffix(f"; {WAY_OUT}")


def test_a_record_as_plain_values_is_what_json_holds():
    assert plain(RUN) == CONTENT
    assert json.loads(json.dumps(plain(RUN))) == CONTENT


@pytest.mark.parametrize("record", [RUN, Run("cbv", 0, None, (), {})])
def test_a_record_that_is_written_is_read_back_equal(tmp_path: Path, record: Run):
    write_json(tmp_path / "metrics.json", plain(record))
    assert read_record(tmp_path / "metrics.json", Run, WAY_OUT) == record


def test_a_missing_file_is_named(tmp_path: Path):
    assert _refusal(tmp_path / "metrics.json") == "is missing"


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path):
    (tmp_path / "metrics.json").mkdir()
    assert _refusal(tmp_path / "metrics.json") == "cannot be read (Is a directory)"


def test_a_pipe_in_the_place_of_the_file_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "metrics.json")
    assert _refusal(tmp_path / "metrics.json") == "must be a regular file, got a device or a pipe"


def test_a_file_of_a_size_that_no_record_has_is_refused_unread(tmp_path: Path):
    with (tmp_path / "metrics.json").open("wb") as file:
        file.truncate(1 << 40)
    assert re.fullmatch(r"must be ≤ \d+ MiB, got 1048576 MiB", _refusal(tmp_path / "metrics.json"))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_what_keeps_a_file_from_being_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int):
    def fail(_: Path) -> None:
        raise OSError(number, "")

    write_json(tmp_path / "metrics.json", CONTENT)
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match=rf"Errno {number}"):
        read_record(tmp_path / "metrics.json", Run, WAY_OUT)


WHOLE = json.dumps(CONTENT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "EOF", id="empty"),
        pytest.param(WHOLE[:-1].encode(), "EOF", id="cut"),
        pytest.param(WHOLE[:40].encode(), "EOF", id="half"),
        pytest.param(b"[" * 100_000, "recursion limit exceeded", id="brackets"),
        pytest.param(b'{"fitted": ' * 100_000, "recursion limit exceeded", id="objects"),
        pytest.param(b'{"fitted": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion limit exceeded", id="nested"),
        pytest.param(WHOLE.replace("full", "fül").encode("latin-1"), "unicode", id="latin"),
        pytest.param(b"\xff\xfe" + WHOLE.encode("utf-16-le"), "Invalid JSON", id="utf-16"),
        pytest.param(b"\x00" * 100, "Invalid JSON", id="zeros"),
        pytest.param(b"[]", "dictionary|object", id="list"),
        pytest.param(b'"text"', "dictionary|object", id="text"),
        pytest.param(b"null", "dictionary|object", id="null"),
        pytest.param(b"7", "dictionary|object", id="number"),
    ],
)
def test_a_file_that_is_not_a_json_object_is_damaged(tmp_path: Path, content: bytes, reason: str):
    (tmp_path / "metrics.json").write_bytes(content)
    sentence = _refusal(tmp_path / "metrics.json")
    assert sentence.startswith("is damaged (")
    assert any(part.lower() in sentence.lower() for part in reason.split("|")), sentence


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"fold": "3"}, "fold"),
        ({"fold": 3.5}, "fold"),
        ({"fold": True}, "fold"),
        ({"fold": None}, "fold"),
        ({"model": 7}, "model"),
        ({"encoder": {"sha256": 7}}, "encoder.sha256"),
        ({"encoder": {}}, "encoder.sha256"),
        ({"encoder": "oxford"}, "encoder"),
        ({"patients": "p0"}, "patients"),
        ({"patients": ["p0", 7]}, "patients.1"),
        ({"fitted": []}, "fitted"),
        ({"epochs": 12}, "epochs"),
        ({"encoder": {"sha256": "c0ffee", "date": "today"}}, "encoder.date"),
    ],
)
def test_a_value_that_breaks_the_schema_is_named_with_its_key(tmp_path: Path, change: dict[str, Any], where: str):
    write_json(tmp_path / "metrics.json", CONTENT | change)
    assert _refusal(tmp_path / "metrics.json").startswith(f"is damaged ({where}: ")


@pytest.mark.parametrize("missing", ["model", "fold", "encoder", "fitted"])
def test_a_missing_key_is_named(tmp_path: Path, missing: str):
    write_json(tmp_path / "metrics.json", {key: value for key, value in CONTENT.items() if key != missing})
    assert _refusal(tmp_path / "metrics.json").startswith(f"is damaged ({missing}: ")


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "1e-400", "0.5"])
@pytest.mark.parametrize("key", ["fold", "model", "unknown"])
def test_a_number_that_no_field_can_hold_is_named_with_its_key(tmp_path: Path, number: str, key: str):
    _write_number(tmp_path / "metrics.json", key, number)
    assert _refusal(tmp_path / "metrics.json").startswith(f"is damaged ({key}: ")


@pytest.mark.parametrize("key", ["fold", "model", "unknown", "fitted"])
def test_a_number_of_ten_thousand_digits_is_damage(tmp_path: Path, key: str):
    _write_number(tmp_path / "metrics.json", key, "7" * 10_000)
    assert _refusal(tmp_path / "metrics.json").startswith("is damaged (Invalid JSON: number out of range")


def _write_number(path: Path, key: str, number: str) -> None:
    path.write_text(json.dumps(CONTENT | {key: "HERE"}).replace('"HERE"', number))
