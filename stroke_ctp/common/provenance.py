"""Provenance of a result: cohort, duration, device, versions. The result does not depend on it."""

import functools
import os
import platform
import subprocess
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from pydantic.dataclasses import dataclass

from stroke_ctp import __version__
from stroke_ctp.common.schemas import STRICT

_LIBRARIES = ("torch", "torchvision", "lightning", "numpy", "scikit-learn")


@dataclass(frozen=True, config=STRICT)
class Machine:
    """Hardware and software."""

    device: str
    revision: str | None
    """Commit of the package's checkout, with `+` if it was changed; None outside a checkout."""
    versions: dict[str, str]


@dataclass(frozen=True, config=STRICT)
class RunProvenance(Machine):
    """Content of `run.json`."""

    cohort: str
    """Folder of the cohort, relative to the study, so that both can be moved together."""
    seconds: float
    """Duration; an interrupted training counts from its continuation."""


def run_provenance(cohort: Path, study: Path, began: float) -> RunProvenance:
    """Provenance of a run that ends now.

    Args:
        cohort: Folder of the cohort.
        study: Folder of the study.
        began: `time.monotonic()` at the start.
    """
    where = os.path.relpath(cohort.resolve(), study.resolve())
    return RunProvenance(**asdict(machine()), cohort=where, seconds=round(time.monotonic() - began, 1))


@functools.cache
def machine() -> Machine:
    """This machine and this installation."""
    import torch  # takes seconds to load, and complete results do not need it

    cuda = torch.cuda.is_available()
    return Machine(
        torch.cuda.get_device_name() if cuda else f"CPU ({platform.machine()}, {os.cpu_count()} cores)",
        revision(),
        {"stroke_ctp": __version__, "python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    )


def revision() -> str | None:
    """Commit of the package's checkout, with `+` if it was changed; None outside a checkout."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
