"""The command line's `key=value`: ranges, lists, odd characters, and names that do not exist."""

import re
from collections.abc import Collection, Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, QuotedString
from hydra.errors import HydraException

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import fields, keys, kinds, nearest
from stroke_ctp.config.composition import groups as groups_of

_INQUIRIES = ("-c", "--cfg", "-i", "--info")
"""Options of Hydra that show something instead of running."""
_MULTIRUN = ("-m", "--multirun")
_OTHER_OPTIONS = (
    *("-h", "--help", "--hydra-help", "--version", "--resolve", "-p", "--package", "-r", "--run"),
    "--experimental-rerun",
    *("-sc", "--shell-completion", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"),
)
"""Further options of Hydra."""
_RANGE = re.compile(r"(?P<key>[\w.]+)=(?P<first>-?\d+)\.\.(?P<last>-?\d+)")


def expand(arguments: Sequence[str], sweeps: bool, lists: Collection[str] = ()) -> list[str]:
    """Turn `key=a..b` into `key=a,…,b`, and ask for a multirun where several values are given.

    Args:
        arguments: Command line without the program's name.
        sweeps: Whether the command runs once per value; one that does not gets no multirun.
        lists: Keys that take several values at once: `key=a,b` is the list of both.

    Raises:
        UserError: A range runs backwards.
    """
    given = [argument for argument in arguments if argument not in _MULTIRUN]
    expanded = [_as_text(_as_list(_expand_range(argument), lists)) for argument in given]
    overrides = parsed(expanded)
    launched = any(override.key_or_group == "hydra/launcher" for override in overrides)  # one run may be a job, too
    swept = launched or any(override.is_sweep_override() for override in overrides)
    if sweeps and swept and not any(argument.partition("=")[0] in _INQUIRIES for argument in expanded):
        # Hydra ignores hydra.mode=MULTIRUN where a setting does not fit, and complains of the sweep instead.
        expanded.append(_MULTIRUN[1])
    return expanded


def parsed(arguments: Sequence[str]) -> list[Override]:
    """What Hydra understands of a command line."""
    given = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    return OverridesParser.create().parse_overrides(given)


def swept(arguments: Sequence[str]) -> dict[str, list[object]]:
    """Settings that are given several values, and these."""
    return {
        override.key_or_group: values(override)
        for override in parsed(arguments)
        if override.is_sweep_override() and not isinstance(override.value(), Glob)
    }


def distinguishing(given: Sequence[str], arguments: Sequence[str]) -> str:
    """What tells a run of a sweep apart, as on the command line: those of its overrides that have several values.

    Args:
        given: Overrides of the run.
        arguments: Of the command; jobs of a cluster do not know them.
    """
    several = swept(arguments)
    return " ".join([one for one in given if one.partition("=")[0] in several] or given)


def values(override: Override) -> list[object]:
    """The value of an override, or the values of one that sweeps."""
    given = override.sweep_iterator() if override.is_sweep_override() else [override.value()]
    return [value.text if isinstance(value, QuotedString) else value for value in given]


def refuse_several_values(arguments: Sequence[str]) -> None:
    """Refuse several values of a setting where a command runs once; a list in brackets is one value.

    Raises:
        UserError: A setting has several.
    """
    for key, given in swept(arguments).items():
        text = ",".join(map(str, given))
        raise UserError(
            f"{key} must be one value, got {text}; write {key}=[{text}] for a list, \"{key}='{text}'\" for text"
        )


def check(arguments: Sequence[str], name: str, schema: type) -> None:
    """Refuse options, settings and choices that do not exist.

    Raises:
        UserError: One does not exist; names the nearest that does.
    """
    for argument in arguments:
        if argument.startswith("-") and argument.partition("=")[0] not in (*_INQUIRIES, *_MULTIRUN, *_OTHER_OPTIONS):
            raise UserError(f"there is no option {argument}; write settings as KEY=VALUE, without dashes")
    overrides, choices = parsed(arguments), groups_of(name, schema)
    for override in overrides:
        key = override.key_or_group
        if key in choices:
            _check_choice(override, choices)
        elif not key.startswith(("hydra.", "hydra/")):  # known to Hydra alone
            _check_key(key, overrides, name, schema)


def _check_choice(override: Override, groups: Mapping[str, Sequence[str]]) -> None:
    group, choices = override.key_or_group, groups[override.key_or_group]
    rule = f"{group} must be {' or '.join(choices)}"
    if isinstance(override.value(), list):  # Hydra would compose one over the other
        raise UserError(f"{rule}, got a list; several run one after the other: {group}=A,B")
    for value in [] if isinstance(override.value(), Glob) else values(override):
        if value not in choices and not (value is None and group == "experiment"):
            other = next((f"; did you mean {one}={value}?" for one, theirs in groups.items() if value in theirs), "")
            raise UserError(f"{rule}, got {'null' if value is None else value}{other or nearest(str(value), choices)}")


def _check_key(key: str, overrides: Sequence[Override], name: str, schema: type) -> None:
    """A setting must exist for every kind of input, standardization … that is given with it."""
    help_line = f"`python -m stroke_ctp.{name} --help` lists the settings"
    known = keys(schema)
    if key not in known:
        found = nearest(key, known)
        raise UserError(f"there is no setting {key!r}{found or ';'} {help_line}")
    group = key.partition(".")[0]
    choice = kinds(fields(schema)[group])
    if not choice or any(override.key_or_group == "experiment" for override in overrides):
        return
    given = [value for override in overrides if override.key_or_group == group for value in values(override)]
    for kind in given or [fields(schema)[group].default.kind]:
        if key not in keys(schema, {group: str(kind)}):
            raise UserError(f"there is no setting {key!r} with {group}={kind}; {help_line}")


def _expand_range(argument: str) -> str:
    match = _RANGE.fullmatch(argument)
    if match is None:
        return argument
    first, last = int(match["first"]), int(match["last"])
    if last < first:
        raise UserError(f"{match['key']}={first}..{last} is empty; write {match['key']}={last}..{first}")
    return f"{match['key']}={','.join(map(str, range(first, last + 1)))}"


def _as_list(argument: str, lists: Collection[str]) -> str:
    key, _, given = argument.partition("=")
    return f"{key}=[{given}]" if key in lists and "," in given and not given.startswith("[") else argument


def _as_text(argument: str) -> str:
    """An argument whose value Hydra's grammar has no place for, such as a path with umlauts or brackets, quoted."""
    key, equals, value = argument.partition("=")
    if not equals or key.startswith("-") or value[:1] in "[{'\"":
        return argument
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        # before a quote, and only there, a backslash means something else than itself
        return f"{key}='" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + m[2].replace("'", "\\'"), value) + "'"
    return argument
