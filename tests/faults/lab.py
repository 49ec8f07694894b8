"""Commands on a tiny study: started, disturbed, and compared with what they leave undisturbed."""

import contextlib
import hashlib
import importlib
import os
import random
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tiny_study import KINDS, MADE_BY


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    """Exit status; negative: number of the signal that ended it."""
    said: str
    seconds: float

    @property
    def defect(self) -> str:
        """Why this is no orderly end; empty if it is one."""
        lines = [line for line in self.said.replace("\r", "\n").splitlines() if line.strip()]
        if "Traceback (most recent call last)" in self.said:
            return f"traceback: {lines[-1][:200]}"
        return "" if self.status in (0, 1, 130, 143) else f"status {self.status}"


class Running:
    """A command, usually in a fork of this process, which has the libraries loaded: a trial takes the time of the work.

    Args:
        command: Its name and settings.
        folder: Where it works.
        loads: Whether it is a program of its own, which first loads the libraries.
    """

    def __init__(self, command: tuple[str, ...], folder: Path, loads: bool = False) -> None:
        self.began, self._said = time.monotonic(), Path(tempfile.mkstemp(prefix="faults-said-")[1])
        self.pid = os.fork()
        if self.pid == 0:
            _become(command, folder, self._said, loads)

    def wait(self, seconds: float) -> bool:
        """Whether the command ends within this time."""
        end = time.monotonic() + seconds
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def send(self, number: int, whole_group: bool) -> None:
        """Send a signal to the command, or to all of its processes."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if whole_group else os.kill)(self.pid, number)

    def ended(self, at_most: float = 600.0) -> Ended:
        """Wait for the end; a command that takes longer has hung."""
        if not self.wait(at_most):
            self.send(signal.SIGKILL, whole_group=True)
        _, status = os.waitpid(self.pid, 0)
        said = self._said.read_text(errors="replace")
        self._said.unlink()
        return Ended(os.waitstatus_to_exitcode(status), said, time.monotonic() - self.began)

    def outlived_by(self, seconds: float = 30.0) -> int:
        """Processes of the command that are there long after its end, when all have loaded; they are ended then."""
        end = time.monotonic() + seconds
        while (alive := _living(self.pid)) and time.monotonic() < end:
            time.sleep(0.1)
        self.send(signal.SIGKILL, whole_group=True)
        return alive


@dataclass(frozen=True)
class Lab:
    """A folder with undisturbed results and places for trials."""

    work: Path
    random: random.Random

    @property
    def reference(self) -> Path:
        """The undisturbed study."""
        return self.work / "reference"

    def place(self, kind: str) -> Path:
        """A folder with what a command needs and nothing of what it makes."""
        folder = self.work / f"trial-{self.random.getrandbits(40):x}"
        folder.mkdir()
        for part in KINDS[kind].needs:
            shutil.copytree(self.reference / part, folder / part)
        for made in folder.glob(MADE_BY.get(kind, "nothing")):
            shutil.rmtree(made)
        return folder

    def differing(self, kind: str, folder: Path) -> list[str]:
        """Results of a command that are not byte by byte those of the undisturbed one."""
        ours, theirs = (_digests(place, KINDS[kind].results) for place in (folder, self.reference))
        mine = {key for key in theirs if key in ours or not _of_others(kind, key)}
        return sorted(key for key in {*ours, *mine} if ours.get(key) != theirs.get(key))


def load_libraries() -> None:
    """Import what the commands import, but not the commands, which run as programs."""
    for command in {kind.command[0] for kind in KINDS.values()}:
        importlib.import_module(f"stroke_ctp.{command}")
        del sys.modules[f"stroke_ctp.{command}"]


def leftovers(folder: Path) -> list[str]:
    """Unfinished files."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".partial-*"))


def _of_others(kind: str, result: str) -> bool:
    """Whether another command makes this result."""
    if kind == "cbv":
        return "/full/" in result
    return kind in ("train", "parallel", "encode") and ("/cbv/" in result or "/bank/" in result)


def _digests(folder: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    shown = {str(path.relative_to(folder)): path for path in found if not path.name.startswith(".")}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in shown.items()}


def _become(command: tuple[str, ...], folder: Path, said: Path, loads: bool) -> None:
    """Run a command in this process, and end it."""
    status = 1
    try:
        log = os.open(said, os.O_WRONLY | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.setsid()
        os.chdir(folder)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # which a script that starts this may ignore
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        if loads:
            os.execv(sys.executable, [sys.executable, "-m", f"stroke_ctp.{command[0]}", *command[1:]])
        interruption = importlib.import_module("stroke_ctp.common.interruption")
        interruption.end_quietly_while_loading()  # as the package does where it is started as a program
        sys.argv = [command[0], *command[1:]]
        status = _status_of(command[0])
        threading._shutdown()  # ends pools, as at the exit of a program
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _status_of(command: str) -> int:
    try:
        runpy.run_module(f"stroke_ctp.{command}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.__excepthook__(type(error), error, error.__traceback__)
        return 1
    return 0


def _living(group: int) -> int:
    """Number of processes of a group that have not ended."""
    n = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, of_group = status.read_text().rpartition(")")[2].split()[:3]
            n += int(of_group) == group and state not in "ZX"
    return n
