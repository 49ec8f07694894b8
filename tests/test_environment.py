"""The environment that make installs is the same wherever it is made."""

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]


def needed(distribution: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Names of everything that a distribution pulls in on this machine."""
    if (distribution, extras) in seen:
        return set()
    seen.add((distribution, extras))
    names = set()
    for line in requires(distribution) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            names.add(canonicalize_name(requirement.name))
            names |= needed(requirement.name, frozenset(requirement.extras), seen)
    return names


def test_everything_that_make_installs_is_pinned() -> None:
    pinned = {canonicalize_name(line.split("==")[0].split(";")[0].strip()) for line in LINES}
    names = needed("stroke_ctp", frozenset({"dev"}), set())
    assert {"torch", "ruff", "antlr4-python3-runtime"} <= names
    assert names - pinned == set()


def test_pins_are_versions_without_an_address() -> None:
    for line in LINES:
        assert re.fullmatch(r"[\w.-]+==[\w.+!]+( *;.*)?", line), line
        assert "://" not in line
