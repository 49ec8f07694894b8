"""Typed settings: the rule of every field in words, and one sentence for a value that breaks it."""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from joblib import cpu_count
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, to_jsonable_python

from stroke_ctp.common.errors import UserError

Schema = TypeVar("Schema")
Item = TypeVar("Item")

STRICT = ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
)
"""Configuration of every settings class: true is not a number, 1.5 is not a whole number, and the docstring under a
field describes it."""


class Rule(NamedTuple):
    """What a field must be, in words, where its type does not say it."""

    text: str


def _text(value: object) -> object:
    """YAML reads `name=2024` as a number."""
    return str(value) if isinstance(value, int | float | Path) and not isinstance(value, bool) else value


def _path(value: object) -> object:
    """An empty path is a variable that was not set, and would be the present folder."""
    if value == "":
        raise ValueError
    return _text(value)


def several(value: object) -> object:
    """A single value as a list of one; for `BeforeValidator`."""
    return value if isinstance(value, list | tuple) else [value]


def without_repetition(values: tuple[Item, ...]) -> tuple[Item, ...]:
    """Refuse a value that is given twice; for `AfterValidator`."""
    if len(set(values)) < len(values):
        raise ValueError
    return values


def _processes(value: int) -> int:
    if value == 0:
        raise ValueError
    return int(cpu_count()) if value == -1 else value


Text = Annotated[str, BeforeValidator(_text), Rule("text")]
Texts = Annotated[
    tuple[Text, ...], Field(strict=False), BeforeValidator(several), Rule("text, or several texts: KEY=A,B")
]
FolderName = Annotated[
    str,
    BeforeValidator(_text),
    Field(pattern=r"^[^./\\\s][^/\\]*$"),
    Rule("a plain folder name, not starting with a dot"),
]
Folder = Annotated[Path, Field(strict=False), BeforeValidator(_path), Rule("a folder")]
File = Annotated[Path, Field(strict=False), BeforeValidator(_path), Rule("a file")]
OptionalFile = Annotated[File | None, BeforeValidator(lambda value: None if value == "" else value)]
"""A file, or none: `KEY=` gives none, not the present folder."""
Jobs = Annotated[
    int, Field(ge=-1), AfterValidator(_processes), Rule("a number of processes ≥ 1, or -1 for one per core")
]
"""Processes; -1 becomes the number of cores."""

_TYPES = {bool: "true or false", int: "a whole number", float: "a number", NoneType: "null"}
_LIMITS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def validated(schema: type[Schema], values: Mapping[str, Any]) -> Schema:
    """Settings of a class from plain values, as YAML or JSON hold them.

    Args:
        schema: A pydantic dataclass.
        values: Its fields by name.

    Raises:
        UserError: A value breaks its rule. Names the first one: parameter, rule and value received.

    Example:
        >>> from stroke_ctp.cohort.augmentation import Augmentation
        >>> validated(Augmentation, {"max_angle": 5})
        Augmentation(max_angle=5.0, max_shift=10.0, flip_probability=0.5)
    """
    try:
        # A strict class takes only its own instances from Python, but objects from JSON.
        return TypeAdapter(schema).validate_json(json.dumps(values))
    except ValidationError as error:
        raise UserError(_sentence(schema, error.errors()[0])) from None


def plain(settings: object) -> dict[str, Any]:
    """Settings as JSON holds them; `validated` reads them back."""
    values = to_jsonable_python(settings)
    assert isinstance(values, dict)
    return values


def fields(schema: type) -> dict[str, FieldInfo]:
    """Fields of a settings class by name; inherited ones keep their description."""
    found: dict[str, FieldInfo] = getattr(schema, "__pydantic_fields__", {})
    for base in schema.__bases__:
        for name, field in fields(base).items():
            found[name].description = found[name].description or field.description
    return found


def kinds(field: FieldInfo) -> dict[str, type]:
    """Classes that a field chooses between, by the literal that a user types; none if there is no choice."""
    members = get_args(field.annotation) if field.discriminator else ()
    return {kind: member for member in members for kind in _kinds(member)}


def parts(field: FieldInfo) -> list[type]:
    """Classes of a group of settings: one, or one for each kind; none if the field is a single value."""
    single: Any = field.annotation
    return list(dict.fromkeys(kinds(field).values())) or list(filter(is_dataclass, [single]))


def keys(schema: type, chosen: Mapping[str, str] | None = None) -> list[str]:
    """Dotted keys of a settings class and its parts.

    Args:
        schema: The class.
        chosen: Kinds of the fields that have a choice; by default, keys of all kinds.
    """
    found = []
    for name, field in fields(schema).items():
        choice = (chosen or {}).get(name)
        below = [part for part in parts(field) if choice is None or choice in _kinds(part)]
        found += [name, *dict.fromkeys(f"{name}.{key}" for part in below for key in keys(part))]
    return found


def rule(field: FieldInfo) -> str:
    """What a field must be, in words."""
    return _rule(field.annotation, field.metadata)


def _rule(annotation: Any, metadata: Collection[Any] = ()) -> str:
    for item in metadata:
        if isinstance(item, Rule):
            return item.text
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _rule(arguments[0], list(_flat(arguments[1:])))
    if origin in (Union, UnionType):
        named = [" or ".join(_kinds(one)) if is_dataclass(one) else _rule(one) for one in arguments]
        return " or ".join(named)
    if origin is Literal:
        return " or ".join(map(str, arguments))
    limited = [(sign, getattr(item, name, None)) for name, sign in _LIMITS.items() for item in metadata]
    limits = [f"{sign} {limit:g}" for sign, limit in limited if limit is not None]
    return " ".join([_TYPES.get(annotation, "a group of settings"), " and ".join(limits)]).strip()


def _flat(metadata: Collection[Any]) -> Iterator[Any]:
    for item in metadata:
        yield from item.metadata if isinstance(item, FieldInfo) else [item]


def _kinds(schema: Any) -> tuple[str, ...]:
    """Literals of the field `kind` of a class that is a choice."""
    return get_args(fields(schema)["kind"].annotation)


def nearest(wrong: str, known: Collection[str]) -> str:
    """What to add to a sentence about an unknown name: the nearest known one, if any is near."""
    near = difflib.get_close_matches(wrong, known, n=1) or difflib.get_close_matches(wrong.lower(), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _sentence(schema: type, error: ErrorDetails) -> str:
    key, field = _located(schema, error)
    if error["type"] == "missing" and error["loc"][-1] == key.rpartition(".")[2]:  # not an item of a list
        return f"{key} is required: add {key}=…"
    if error["type"] == "unexpected_keyword_argument":
        return f"there is no setting {key!r}{nearest(key, [known for known in keys(schema) if known != key])}"
    assert field is not None
    if error["type"].startswith("union_tag"):
        return f"{key}.kind must be {rule(field)}, got {error.get('ctx', {}).get('tag')!r}"
    return f"{key} must be {rule(field)}, got {error['input']!r}"


def _located(schema: type, error: ErrorDetails) -> tuple[str, FieldInfo | None]:
    """The dotted key and the field of an error, whose location also names kinds and members of unions."""
    names: list[str] = []
    field, level = None, [schema]
    for part in map(str, error["loc"]):
        owners = [one for one in level if part in fields(one)]
        if owners and not (len(level) > 1 and any(part in _kinds(one) for one in level)):
            field = fields(owners[0])[part]
            names.append(part)
            level = parts(field)
        elif len(level) > 1:
            level = [one for one in level if part in _kinds(one)]
        elif error["type"] == "unexpected_keyword_argument":
            names.append(part)
    return ".".join(names), field
