"""Settings as typed values: the rule of each field in words, and one sentence for a value that breaks it."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from joblib import cpu_count
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from stroke_ctp.common.errors import UserError

Schema = TypeVar("Schema")

STRICT = ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
)
"""Of every settings class: `true` is no number, 1.5 no whole number, and the docstring under a field describes it."""


class Rule(NamedTuple):
    """What a field must be, in words, where its type alone does not say it."""

    text: str


def _text(value: object) -> object:
    """YAML reads `name=2024` as a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _processes(value: int) -> int:
    if value == 0:
        raise ValueError
    return cpu_count() if value == -1 else value


Text = Annotated[str, BeforeValidator(_text), Rule("text")]
Folder = Annotated[Path, Field(strict=False), BeforeValidator(_text), Rule("a folder")]
File = Annotated[Path, Field(strict=False), BeforeValidator(_text), Rule("a file")]
Jobs = Annotated[
    int, Field(ge=-1), AfterValidator(_processes), Rule("a number of processes ≥ 1, or -1 for one per core")
]
"""Processes; -1, one per core, becomes their number."""


def validated(schema: type[Schema], values: Mapping[str, Any]) -> Schema:
    """Settings of a class from plain values.

    Args:
        schema: A pydantic dataclass.
        values: Its fields by name, as YAML or JSON hold them.

    Raises:
        UserError: A value breaks its rule; states parameter, rule and value. The first one that does is named.

    Example:
        >>> from stroke_ctp.cohort.augmentation import Augmentation
        >>> validated(Augmentation, {"max_angle": 5})
        Augmentation(max_angle=5.0, max_shift=10.0, flip_probability=0.5)
    """
    try:
        return TypeAdapter(schema).validate_python(values)
    except ValidationError as error:
        raise UserError(_sentence(schema, error.errors()[0])) from None


def _sentence(schema: type, error: ErrorDetails) -> str:
    key, field = _located(schema, error["loc"])
    if error["type"] == "missing":
        return f"{key} is required: add {key}=…"
    if error["type"] == "unexpected_keyword_argument":
        return unknown_key(key, keys(schema))
    if error["type"] == "value_error" and str(error["ctx"]["error"]):
        return str(error["ctx"]["error"])
    got = error["input"]
    if error["type"].startswith("union_tag"):
        key, got = f"{key}.kind", error.get("ctx", {}).get("tag", got)
    return f"{key} must be {rule(field)}, got {got!r}"


def _located(schema: type, loc: tuple[int | str, ...]) -> tuple[str, FieldInfo | None]:
    """The dotted key that an error is about and its field: pydantic's location also names members of a union."""
    key, field, level = "", None, [schema]
    for part in loc:
        found = [one for one in level if part in fields(one)]
        if found:
            key, field = f"{key}.{part}".lstrip("."), fields(found[0])[str(part)]
            level = [one for one in _members(field.annotation) if is_dataclass(one)]
        elif is_dataclass(field.annotation if field else schema) or (part == loc[-1] and level):
            key = f"{key}.{part}".lstrip(".")
    return key, field


def unknown_key(key: str, known: Iterator[str] | list[str]) -> str:
    """The sentence for a setting that does not exist, with the nearest that does."""
    near = difflib.get_close_matches(key, known, n=1)
    return f"there is no setting {key!r}" + (f"; did you mean {near[0]}?" if near else "")


@cache
def fields(schema: type) -> dict[str, FieldInfo]:
    """Fields of a settings class by name; one that is inherited keeps its description."""
    found: dict[str, FieldInfo] = dict(schema.__pydantic_fields__)  # type: ignore[attr-defined]
    for name, field in found.items():
        inherited = [base.__pydantic_fields__[name] for base in schema.__mro__ if name in _own(base)]
        field.description = field.description or inherited[0].description
    return found


def _own(schema: type) -> Mapping[str, FieldInfo]:
    return getattr(schema, "__pydantic_fields__", {})
