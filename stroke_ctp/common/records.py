"""JSON files with a schema, read into typed records."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from stroke_ctp.common.errors import UserError

Record = TypeVar("Record")


def read_record(path: Path, schema: type[Record], way_out: str) -> Record:
    """Read a JSON file into a typed record.

    Args:
        path: Of the file.
        schema: A pydantic dataclass.
        way_out: What the user can do about a missing or damaged file.

    Raises:
        UserError: The file is missing, cannot be read, is not JSON, or does not fit the schema.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {way_out}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {way_out}") from None
    try:
        return TypeAdapter(schema).validate_json(content)
    except UserError as error:  # a rule that joins several fields
        raise UserError(f"{path} is damaged ({error}); {way_out}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise UserError(f"{path} is damaged ({reason}); {way_out}") from None
