import os
import subprocess
import sys
from pathlib import Path

from stroke_ctp.common.files import atomic_write, claim
from stroke_ctp.common.unfinished import PREFIX, remove_leftovers, unfinished_file

_WRITER = """
import sys, time
from pathlib import Path
from stroke_ctp.common.files import atomic_write
with atomic_write(Path(sys.argv[1]) / "table.csv") as partial:
    partial.write_text("half")
    print(partial.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path):
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, living = (writer.stdout.readline().strip() for writer in writers)  # type: ignore[union-attr]
    try:
        writers[0].kill()
        writers[0].wait()
        assert {path.name for path in tmp_path.iterdir()} == {killed, living}
        remove_leftovers(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [living]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_the_next_file_written_into_a_folder_clears_it(tmp_path: Path):
    (tmp_path / f"{PREFIX}old.csv").write_text("half")
    with atomic_write(tmp_path / "table.csv") as partial:
        partial.write_text("all")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_command_clears_the_folder_that_it_claims_also_where_nothing_is_to_be_written(tmp_path: Path):
    claim(tmp_path, {"seed": 0}, "")
    (tmp_path / f"{PREFIX}settings.json").hardlink_to(tmp_path / "settings.json")  # killed between link and removal
    claim(tmp_path, {"seed": 0}, "")
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_an_unfinished_file_that_another_command_has_removed_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    usual, removed = os.fstat, []

    def removed_once(descriptor: int) -> os.stat_result:
        if not removed:
            (first,) = tmp_path.iterdir()
            first.unlink()
            removed.append(first)
        return usual(descriptor)

    monkeypatch.setattr("stroke_ctp.common.unfinished.os.fstat", removed_once)
    with unfinished_file(tmp_path, ".csv") as (_, path):
        assert path.exists()
        assert path != removed[0]
