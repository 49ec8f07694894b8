import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stroke_ctp.common import locks
from stroke_ctp.common.locks import exclusive_lock, only_command

_COMMAND = """
import sys, time
from pathlib import Path
from stroke_ctp.common.locks import only_command
with only_command(Path(sys.argv[1])):
    print("working", flush=True)
    sys.stdin.readline()
"""


def test_a_second_command_waits_and_says_for_whom(tmp_path: Path):
    line = [sys.executable, "-c", _COMMAND, str(tmp_path / "maps")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    first, second = subprocess.Popen(line, **pipes), None
    try:
        assert first.stdout.readline() == "working\n"
        second = subprocess.Popen(line, **pipes)
        said = second.stderr.readline()
        assert said.startswith(f"waiting for process {first.pid} on ")
        assert said.endswith(f", which works in {tmp_path / 'maps'}\n")
        first.communicate("\n")
        assert second.stdout.readline() == "working\n"
    finally:
        for command in (first, second):
            if command is not None:
                command.kill()
                command.communicate()


def test_a_refused_command_leaves_no_folder_and_a_successful_one_what_it_made(tmp_path: Path):
    with pytest.raises(ValueError, match="refused"), only_command(tmp_path / "study/report"):
        raise ValueError("refused")
    assert not list(tmp_path.iterdir())
    with only_command(tmp_path / "study/report"):
        (tmp_path / "study/report/report.html").touch()
    assert (tmp_path / "study/report/report.html").exists()
    (tmp_path / "mine").mkdir()
    with only_command(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").exists()


def test_a_folder_that_the_holder_removes_at_its_end_is_made_anew_by_who_waits(tmp_path: Path):
    folder = tmp_path / "training"
    code = _COMMAND + "    import shutil; shutil.rmtree(sys.argv[1])\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], **pipes) as holder:
        assert holder.stdout.readline() == "working\n"
        holder.stdin.write("\n")
        holder.stdin.flush()
        with only_command(folder):
            assert folder.exists()


def test_an_error_that_is_no_lack_of_locks_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), exclusive_lock(tmp_path / ".lock", wait=True):
        pass


def test_a_holder_without_a_name_is_another_process_and_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        locks._tell_holder(tmp_path / "maps" / ".lock")  # the holder has removed it in the meantime
    assert capsys.readouterr().err == f"waiting for another process, which works in {tmp_path / 'maps'}\n"
