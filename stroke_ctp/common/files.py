"""Atomic writes, and folders that belong to one set of settings."""

import filecmp
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.locks import LOCK_NAME
from stroke_ctp.common.records import read_json
from stroke_ctp.common.unfinished import remove_leftovers, unfinished_file


@contextmanager
def atomic_write(path: Path, replace: bool = True) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path that replaces `path` if the block ends without an error.

    The temporary name keeps all suffixes of `path`, since writers choose a format by them. A file whose content does
    not change keeps its time of change.

    Args:
        path: Of the file.
        replace: Whether to replace an existing file; if not, the file of the first of several processes stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_file(path.parent, "".join(path.suffixes)) as (descriptor, partial), _named(path):
        yield partial
        if path.exists() and filecmp.cmp(partial, path, shallow=False):
            return
        os.fsync(descriptor)  # or a power cut could leave the name without the content
        if replace:
            partial.replace(path)
        else:
            _link(partial, path)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors of writing, such as that of a full disk, name the file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_json(path: Path, content: Mapping[str, Any], replace: bool = True) -> None:
    """Write `content`, indented and with a final newline; `replace` as in `atomic_write`."""
    with atomic_write(path, replace) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def out_folder(folder: Path) -> Path:
    """The output folder of a command.

    Raises:
        UserError: It is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"out must be a folder, got the file {folder}; choose another out=DIR")
    return folder


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(content: Mapping[str, Any]) -> str:
    """Hash of plain values: sixteen hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys whose values differ, in the order of `ours`, with both values."""
    rows = []
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        one, other = ours.get(key), theirs.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            rows += differing(one, other, f"{prefix}{key}.")
        elif one != other:
            rows.append(f"{prefix}{key} ({other} there, {one} here)")
    return rows


def claim_file(directory: Path) -> Path:
    """The file in which `claim` records the settings that a folder was made with."""
    return directory / "settings.json"


def claim(directory: Path, settings: Mapping[str, Any], way_out: str) -> None:
    """Mark a folder as made with these settings, in its `claim_file`; arguments and errors of `refuse_others`."""
    refuse_others(directory, settings, way_out)
    remove_leftovers(directory)
    if not claim_file(directory).exists():  # otherwise concurrent commands would remove its temporary file
        write_json(claim_file(directory), settings, replace=False)
    refuse_others(directory, settings, way_out)  # another process may have been first


def unclaim_unused(directory: Path) -> None:
    """Remove the settings that `claim` wrote from a folder that holds nothing else but its lock."""
    if {*directory.iterdir()} <= {claim_file(directory), directory / LOCK_NAME}:
        claim_file(directory).unlink(missing_ok=True)


def refuse_others(directory: Path, settings: Mapping[str, Any], way_out: str) -> None:
    """Refuse a folder that was made with other settings.

    Args:
        directory: Output folder of a command; it may not exist yet.
        settings: Everything that determines its content, as plain JSON values.
        way_out: Remedy if the folder has other settings, for the message.

    Raises:
        UserError: The folder was made with other settings; names the keys that differ.
    """
    if claim_file(directory).exists():
        keys = differing(settings, read_json(claim_file(directory)))
        if keys:
            raise UserError(f"{directory} was made with other settings: {', '.join(keys)}; {way_out}")


def _link(partial: Path, path: Path) -> None:
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        partial.replace(path)
