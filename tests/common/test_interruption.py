"""Signals at every stage of a program that uses the package as commands do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys, time
from stroke_ctp.common.interruption import Interrupted, end_quietly_while_loading, interruptible
end_quietly_while_loading()
print("loading", flush=True)
sys.stdin.readline()
try:
    with interruptible():
        try:
            print("working", flush=True)
            sys.stdin.readline()
        finally:
            print("put away", flush=True)
            sys.stdin.readline()
except Interrupted as end:
    print(end.sentence, flush=True)
    sys.exit(end.status)
print("leaving", flush=True)
sys.stdin.readline()
"""


class _Program:
    """A program, as a terminal starts it."""

    def __init__(self, ignored: tuple[signal.Signals, ...] = ()) -> None:
        def as_a_shell() -> None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            preexec_fn=as_a_shell,
        )

    def until(self, *stages: str) -> None:
        """Go on until the last of these stages."""
        for number, stage in enumerate(stages):
            if number:
                self.enter()
            self.said(stage)

    def enter(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def said(self, line: str) -> None:
        """Read a line."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{line}\n".encode()

    def end(self) -> tuple[int, str]:
        """Exit status and standard error."""
        _, error = self.process.communicate(timeout=60)
        return self.process.returncode, error.decode()


STAGES = {"loading": ("loading",), "leaving": ("loading", "working", "put away", "leaving")}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_while_libraries_load_and_are_taken_down_a_signal_ends_the_program_with_a_sentence(
    stage: str, number: signal.Signals, word: str
) -> None:
    program = _Program()
    program.until(*STAGES[stage])
    program.process.send_signal(number)
    assert program.end() == (128 + number, f"\nstroke_ctp: {word}\n")


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_while_the_program_works_a_signal_lets_it_put_away_and_a_second_one_does_not(
    number: signal.Signals, word: str
) -> None:
    program = _Program()
    program.until("loading", "working")
    program.process.send_signal(number)
    program.said("put away")
    program.enter()
    program.said(f"{word}; the same command continues")
    assert program.end() == (128 + number, "")
    program = _Program()
    program.until("loading", "working")
    program.process.send_signal(number)
    program.said("put away")
    program.process.send_signal(signal.SIGINT)
    assert program.end() == (130, "\nstroke_ctp: interrupted\n")


def test_a_request_to_terminate_that_comes_twice_at_once_is_one() -> None:
    program = _Program()
    program.until("loading", "working")
    program.process.send_signal(signal.SIGTERM)
    program.said("put away")
    program.process.send_signal(signal.SIGTERM)
    program.enter()
    program.said("terminated; the same command continues")
    assert program.end() == (143, "")


def test_a_closed_terminal_and_what_a_script_ignores_do_not_end_the_program() -> None:
    program = _Program(ignored=(signal.SIGINT,))
    program.until("loading", "working")
    for number in (signal.SIGHUP, signal.SIGINT):
        program.process.send_signal(number)
    program.enter()
    program.said("put away")
    program.enter()
    program.said("leaving")
    assert program.end() == (0, "")


def test_nothing_is_loaded_before_signals_are_handled() -> None:
    """The signal comes from the first import after the module that handles signals."""
    program = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    @staticmethod
    def find_spec(name, *_):
        if "stroke_ctp.common.interruption" in sys.modules and name != "stroke_ctp.common.interruption":
            os.kill(os.getpid(), signal.SIGINT)
for name in ("contextlib", "collections.abc", "types", "enum"):
    __import__(name)
sys.meta_path.insert(0, Finder)
sys.argv = ["-m"]
import stroke_ctp.report
"""
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.stderr == "\nstroke_ctp: interrupted\n"
    assert found.returncode == 130


def test_a_command_ends_with_a_sentence_before_it_has_loaded_anything(tmp_path: Path) -> None:
    """The package's own lines are the first to run; the signal comes from the first library that is loaded after."""
    (tmp_path / "hydra.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    found = subprocess.run(
        [sys.executable, "-m", "stroke_ctp.report", "name=x"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
    )
    assert found.returncode == 130
    assert found.stderr == "\nstroke_ctp: interrupted\n"
