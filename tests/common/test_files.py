import errno
import json
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from stroke_ctp.common.arrays import mapped_array, write_array
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import atomic_write, claim, differing, write_json
from stroke_ctp.common.locks import exclusive_lock
from stroke_ctp.common.records import read_json


def test_a_whole_file_appears_when_its_block_ends_and_not_before(tmp_path: Path):
    path = tmp_path / "new" / "table.csv"
    with atomic_write(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        assert partial.parent == path.parent  # or it could not take its place in one step
        partial.write_text("all")
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def _fail_to_write(path: Path, error: BaseException) -> None:
    with atomic_write(path) as partial:
        partial.write_text("half")
        raise error


def test_a_failed_block_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        _fail_to_write(tmp_path / "table.csv", KeyboardInterrupt())
    assert not list(tmp_path.iterdir())


def test_a_failed_block_leaves_the_old_file_as_it_was(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="boom"):
        _fail_to_write(path, ValueError("boom"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_who_reads_the_old_file_while_it_is_replaced_reads_it_to_its_end(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text("old content")
    with path.open() as reader:
        with atomic_write(path) as partial:
            partial.write_text("new")
        assert reader.read() == "old content"
    assert path.read_text() == "new"


def test_the_temporary_name_keeps_the_suffixes_that_writers_choose_a_format_by(tmp_path: Path):
    with atomic_write(tmp_path / "scan.nii.gz") as partial:
        assert partial.name.endswith(".nii.gz")
        assert partial.name != "scan.nii.gz"


def test_a_whole_file_is_as_readable_as_any_other(tmp_path: Path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as partial:
            partial.write_text("")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_writing_leaves_the_umask_alone_which_other_threads_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the umask was changed"))
    write_json(tmp_path / "a", {})
    assert read_json(tmp_path / "a") == {}


def test_json_comes_back_as_it_was_written(tmp_path: Path):
    content = {"auc": {"test": 0.75, "external": None}, "folds": [0, 1], "name": "größer"}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    assert (tmp_path / "a.json").read_bytes().endswith(b"}\n")


def test_what_json_cannot_hold_is_not_written(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"auc": float("nan")})
    assert not list(tmp_path.iterdir())


def test_an_array_written_in_parts_is_byte_by_byte_what_numpy_writes(tmp_path: Path):
    array = np.arange(60, dtype=np.float32).reshape(5, 3, 4)
    write_array(tmp_path / "ours.npy", array.shape, [array[:2], array[2:].astype(np.float64)], np.float32)
    np.save(tmp_path / "numpys.npy", array)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_an_array_that_finds_no_room_says_why(tmp_path: Path):
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    try:
        with pytest.raises(OSError, match="large") as refusal:
            write_array(tmp_path / "a.npy", (100_000,), [np.zeros(100_000)], np.float64)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert refusal.value.errno == errno.EFBIG


def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path: Path):
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: '{tmp_path}/a.json'"):
            write_json(tmp_path / "a.json", {"a": "b" * 10_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", '{"a": ', "[1]", "3"])
def test_damaged_json_is_named_with_the_way_out(tmp_path: Path, content: str):
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(UserError, match=r"metrics\.json is damaged .*; remove it and run the command again"):
        read_json(tmp_path / "metrics.json")


def test_differing_keys_are_named_with_both_values_however_deep():
    ours = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "new": 4}
    theirs = {"a": 1, "b": {"c": 5, "d": {"e": 6}}, "old": 7}
    assert differing(ours, theirs) == [
        "b.c (5 there, 2 here)",
        "b.d.e (6 there, 3 here)",
        "new (None there, 4 here)",
        "old (7 there, None here)",
    ]


def test_equal_settings_do_not_differ_whatever_their_order():
    assert differing({"a": 1.0, "b": {"c": [2], "d": None}}, {"b": {"d": None, "c": [2]}, "a": 1}) == []


def test_a_new_folder_is_claimed_and_stays_ones_own(tmp_path: Path):
    for _ in range(2):
        claim(tmp_path / "study", {"seed": 0, "input": {"scale": 6.0}}, "choose another name")
    assert json.loads((tmp_path / "study" / "settings.json").read_text()) == {"seed": 0, "input": {"scale": 6.0}}


def test_in_a_folder_that_is_ones_own_already_nothing_is_written_that_others_could_remove(tmp_path: Path):
    claim(tmp_path, {"seed": 0}, "")
    changed = tmp_path.stat().st_mtime_ns
    claim(tmp_path, {"seed": 0}, "")
    assert tmp_path.stat().st_mtime_ns == changed


def test_a_folder_of_other_settings_is_refused_naming_the_keys_and_the_way_out(tmp_path: Path):
    claim(tmp_path, {"seed": 0, "input": {"scale": 6.0}}, "")
    mark = (tmp_path / "settings.json").read_bytes()
    with pytest.raises(UserError) as refusal:
        claim(tmp_path, {"seed": 1, "input": {"scale": 8.0}}, "choose another name=NAME")
    assert str(refusal.value) == (
        f"{tmp_path} was made with other settings: seed (0 there, 1 here), "
        "input.scale (6.0 there, 8.0 here); choose another name=NAME"
    )
    assert (tmp_path / "settings.json").read_bytes() == mark


def test_of_commands_that_claim_a_folder_at_one_time_with_other_settings_one_gets_it(tmp_path: Path) -> None:
    together = Barrier(8)

    def attempt(number: int) -> int | None:
        together.wait()
        try:
            claim(tmp_path / "study", {"seed": number}, "choose another name")
        except UserError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        claimed = [number for number in pool.map(attempt, range(8)) if number is not None]
    assert claimed == [read_json(tmp_path / "study" / "settings.json")["seed"]]


def test_work_can_be_taken_again_once_it_is_left(tmp_path):
    with exclusive_lock(tmp_path / "lock", wait=False) as mine:
        assert mine
        with exclusive_lock(tmp_path / "lock", wait=False) as again:
            assert not again
    with exclusive_lock(tmp_path / "lock", wait=False) as mine:
        assert mine


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, 45])
def test_a_file_system_without_locks_is_refused_with_the_way_out(tmp_path, monkeypatch, number):
    monkeypatch.setattr(errno, "ENOTSUP", 45)  # as on macOS; on Linux it is EOPNOTSUPP

    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    way_out = rf"must be on a file system with locks, got one without \({os.strerror(number)}\); choose another folder"
    with pytest.raises(UserError, match=way_out), exclusive_lock(tmp_path / "lock", wait=True):
        pass


def test_a_process_that_dies_lets_go_of_its_work(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from stroke_ctp.common.locks import exclusive_lock\n"
        "with exclusive_lock(Path(sys.argv[1]), wait=False): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with exclusive_lock(tmp_path / "lock", wait=False) as mine:
            assert not mine
        process.kill()
    with exclusive_lock(tmp_path / "lock", wait=False) as mine:
        assert mine


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a": ' * 100_000, b"\xff{}", b'{"a": ' + b"7" * 10_000 + b"}", b"[]", b""]
)
def test_a_file_that_holds_no_json_object_is_named_with_the_way_out(tmp_path: Path, content: bytes):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json is damaged \(.+\); remove it and run the command again$"):
        read_json(tmp_path / "run.json")


def test_on_a_file_system_without_links_a_folder_is_claimed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    claim(tmp_path, {"seed": 1}, "choose another")
    assert read_json(tmp_path / "settings.json") == {"seed": 1}
    with pytest.raises(UserError, match=r"other settings: seed \(1 there, 2 here\); choose another"):
        claim(tmp_path, {"seed": 2}, "choose another")
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_an_array_whose_axes_are_stored_in_reverse_is_refused(tmp_path: Path):
    np.save(tmp_path / "series.npy", np.asfortranarray(np.zeros((2, 3), np.float32)))
    with pytest.raises(UserError, match=r"axes are in reverse order.*; make it again"):
        mapped_array(tmp_path / "series.npy", (2, 3), np.float32, "make it again")
