"""JSON files, read into typed records: damaged, hostile or huge, they end in one sentence."""

import stat
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from stroke_ctp.common.errors import UserError

Record = TypeVar("Record")

_MOST_BYTES = 64 << 20
"""Largest JSON file that is read: the record of a run takes some hundred bytes for each patient."""
_REMOVE = "remove it and run the command again"
_adapter = cache(TypeAdapter)
"""Of a schema. To build one for a plain dataclass takes longer than to read a record."""


def read_record(path: Path, schema: type[Record], way_out: str) -> Record:
    """Read a JSON file into a typed record.

    Args:
        path: Of the file.
        schema: A pydantic dataclass.
        way_out: What the user can do about a missing or damaged file.

    Raises:
        UserError: The file is missing, is no file, is too large, is not JSON, or does not fit the schema.
        OSError: It cannot be read, which says nothing about its content.
    """
    return _parsed(_content(path, way_out), schema, str(path), way_out)


def read_json(path: Path, way_out: str = _REMOVE) -> dict[str, Any]:
    """Read an object whose keys its reader does not know beforehand; arguments and errors as of `read_record`."""
    return _parsed(_content(path, way_out), dict[str, Any], str(path), way_out)


def parse_record(content: bytes | str, schema: type[Record], source: str, way_out: str) -> Record:
    """A typed record from a JSON text.

    Args:
        content: The text.
        schema: A pydantic dataclass.
        source: Where the text comes from, for the message.
        way_out: What the user can do about a damaged record.

    Raises:
        UserError: The text is not JSON, or does not fit the schema.
    """
    return _parsed(content, schema, source, way_out)


def _parsed(content: bytes | str, schema: Any, source: str, way_out: str) -> Any:
    """A record whose numbers are finite; the parser limits its nesting."""
    try:
        record = _adapter(schema).validate_json(content)
        from_json(content, allow_inf_nan=False)  # also where the schema takes any value
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
    except (UserError, ValueError) as error:  # a rule that joins several fields; a number that is not finite
        reason = str(error)
    else:
        return record
    raise UserError(f"{source} is damaged ({' '.join(reason.split())[:200]}); {way_out}")  # it may quote any key


def _content(path: Path, way_out: str) -> bytes:
    """Bytes of a regular file of limited size: a pipe would never end."""
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise UserError(f"{path} must be a regular file, got a device or a pipe; {way_out}")
        if status.st_size > _MOST_BYTES:
            raise UserError(f"{path} must be ≤ {_MOST_BYTES >> 20} MiB, got {status.st_size >> 20} MiB; {way_out}")
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {way_out}") from None
    except IsADirectoryError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {way_out}") from None
