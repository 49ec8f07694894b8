import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
from stroke_ctp.common.terminal import lasting_streams
with lasting_streams():
    print("≥ 1 mL é", flush=True)
    sys.stdin.readline()
    for number in range(3):
        print("line", number, flush=True)
    open("done", "w").close()
"""


def _program(folder: Path, encoding: str = "utf-8", **options: object) -> subprocess.Popen:
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    return subprocess.Popen([sys.executable, "-c", _PROGRAM], cwd=folder, env=env, **options)  # type: ignore[call-overload]


def test_a_closed_terminal_is_continued_in_a_file(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    program = _program(tmp_path, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs)
    os.close(theirs)
    with os.fdopen(os.dup(ours), encoding="utf-8", newline="") as screen:
        assert screen.readline() == "≥ 1 mL é\r\n"
    os.close(ours)
    program.communicate(b"\n", timeout=60)
    assert program.returncode == 0
    assert (tmp_path / "nohup.out").read_text() == "line 0\nline 1\nline 2\n"
    assert (tmp_path / "done").exists()


def test_a_pipe_whose_reader_has_gone_stops_nothing(tmp_path: Path) -> None:
    program = _program(tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stdin is not None
    program.stdin.write(b"\n")
    program.stdin.close()
    assert program.wait(60) == 0
    assert program.stderr is not None
    assert program.stderr.read() == b""
    assert {path.name for path in tmp_path.iterdir()} == {"done"}


def test_a_terminal_of_few_characters_shows_marks_in_place_of_others(tmp_path: Path) -> None:
    for encoding, shown in (("ascii", b"? 1 mL ?\n"), ("latin-1", b"? 1 mL \xe9\n")):
        program = _program(tmp_path, encoding, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        said, _ = program.communicate(timeout=60)
        assert said.startswith(shown)


def test_streams_that_were_closed_before_the_start_stop_no_bar_of_progress(tmp_path: Path) -> None:
    program = """
from pathlib import Path
from tqdm import tqdm
from stroke_ctp.common.terminal import lasting_streams
with lasting_streams():
    print(list(tqdm(range(3))))
    Path("done").touch()
"""
    line = f"'{sys.executable}' -c '{program}' >&- 2>&-"
    subprocess.run(["bash", "-c", line], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    assert (tmp_path / "done").exists()
