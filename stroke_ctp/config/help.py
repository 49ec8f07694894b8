"""The page that `--help` shows: every setting with default, rule and description."""

import json
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from stroke_ctp.common.schemas import fields, kinds, parts, plain, rule
from stroke_ctp.config.composition import groups

_WIDTH = 80


def help_page(name: str, schema: type, sweeps: bool) -> str:
    """How a command is called, at most 80 columns wide."""
    required = " ".join(f"{key}=…" for key, field in fields(schema).items() if field.is_required())
    lines = [f"python -m stroke_ctp.{name} {required} [KEY=VALUE …]".replace("  ", " "), ""]
    lines += _wrapped((schema.__doc__ or "").partition("\n")[0], 0)
    if sweeps:
        several = "Several values run one after the other: KEY=A,B, or KEY=0..9 for whole numbers."
        lines += [*_wrapped(several, 0), "", "Choices:", *_choices(name, schema)]
    return "\n".join([*lines, "", "Settings:", *_settings(schema)])


def _choices(name: str, schema: type) -> Iterator[str]:
    for group, choices in groups(name, schema).items():
        yield from _wrapped(f"{group}={'|'.join(choices)}", 2)


def _settings(schema: type, prefix: str = "", when: str = "") -> Iterator[str]:
    for name, field in sorted(fields(schema).items(), key=lambda item: not item[1].is_required()):
        key = f"{prefix}{name}"
        if kinds(field):
            for kind, part in kinds(field).items():
                yield from _settings(part, f"{key}.", f"; with {key}={kind}")
        elif parts(field):
            yield from _settings(parts(field)[0], f"{key}.", when)
        elif name != "kind":
            yield from _entry(key, field, when)


def _entry(key: str, field: FieldInfo, when: str) -> Iterator[str]:
    first = f"  {key}={_shown(field)}"
    must = f"({'required; ' if field.is_required() else ''}{rule(field)}{when})"
    if len(first) + 2 + len(must) <= _WIDTH:
        yield f"{first}  {must}"
    else:
        yield first
        yield from _wrapped(must, 6)
    yield from _wrapped(" ".join(str(field.description).split()), 6)


def _shown(field: FieldInfo) -> str:
    """The default as a user would type it."""
    value = "…" if field.is_required() else plain({"default": field.default})["default"]
    if isinstance(value, list):
        return f"[{','.join(value)}]"
    return value if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)
