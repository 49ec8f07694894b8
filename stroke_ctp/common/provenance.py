"""Provenance of a result: cohort, duration, device, versions. The result does not depend on it."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stroke_ctp import __version__

_LIBRARIES = ("torch", "torchvision", "lightning", "numpy", "scikit-learn")


def run_provenance(cohort: Path, study: Path, began: float) -> dict[str, Any]:
    """Content of `run.json`: path of the cohort, seconds, device, versions, revision.

    Args:
        cohort: Folder of the cohort; recorded relative to the study, so that both can be moved together.
        study: Folder of the study.
        began: `time.monotonic()` at the start; an interrupted training counts from its continuation.
    """
    where = os.path.relpath(cohort.resolve(), study.resolve())
    return {"cohort": where, "seconds": round(time.monotonic() - began, 1)} | machine()


def machine() -> dict[str, Any]:
    """Device, versions and revision."""
    import torch  # takes seconds to load, and complete results do not need it

    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else f"CPU ({platform.machine()}, {os.cpu_count()} cores)",
        "revision": revision(),
        "versions": {"stroke_ctp": __version__, "python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
    }


def revision() -> str | None:
    """Commit of the checkout that this package lies in, with `+` where it was changed; None outside a checkout."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
