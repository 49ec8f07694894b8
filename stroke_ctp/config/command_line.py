"""What every command shares: where the configuration lies, `a..b` ranges, errors a person can act on."""

import errno
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from hydra.errors import InstantiationException as HydraInstantiationException
from hydra.types import RunMode
from joblib.externals.loky.process_executor import TerminatedWorkerError
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from stroke_ctp.common.errors import UserError
from stroke_ctp.config import launchers

_PACKAGE = Path(__file__).parents[1]
CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir())
"""The configuration: inside an installed package, beside the package in a checkout."""

_NO_DEFECTS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC),
    *(errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG),
)
"""What a file system refuses whatever the program."""

_INQUIRIES = ("-c", "--cfg", "-i", "--info")
"""Options of Hydra that show something instead of running."""

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
    expanded = [_as_text(_as_list(_expand_range(argument), lists)) for argument in arguments]
    overrides = _overrides(expanded)
    for override in overrides:
        _require_choice(override)
    launched = any(override.key_or_group == "hydra/launcher" for override in overrides)  # one run may be a job, too
    swept = launched or any(override.is_sweep_override() for override in overrides)
    if sweeps and swept and not any(argument.partition("=")[0] in _INQUIRIES for argument in expanded):
        # Of hydra.mode=MULTIRUN Hydra knows nothing where a setting does not fit, and complains of the sweep instead.
        expanded.append("--multirun")
    return expanded


def runs_to_come() -> int | None:
    """How many runs of this sweep follow the present one; None where they go on beside it, each in its own process."""
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN:
        return 0
    if hydra_config.runtime.choices["hydra/launcher"] != "basic":
        return None
    return max(0, prod(len(values) for values in _swept().values()) - 1 - hydra_config.job.num)


def values_to_come(key: str) -> list[Any]:
    """What the runs of this sweep are given for a setting; nothing where it is the same in all, or where jobs of a
    cluster do not know the command that they belong to.
    """
    hydra_config = HydraConfig.get()
    known = hydra_config.mode == RunMode.MULTIRUN and hydra_config.runtime.choices["hydra/launcher"] != "slurm"
    return _swept().get(key, []) if known else []


def _swept() -> dict[str, list[Any]]:
    return {
        override.key_or_group: list(override.sweep_iterator())
        for override in _overrides(sys.argv[1:])
        if override.is_sweep_override() and not isinstance(override.value(), Glob)
    }


def _overrides(arguments: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides([a for a in arguments if "=" in a and not a.startswith("-")])


def _require_choice(override: Override) -> None:
    """Hydra composes a list of a group's choices one over the other; nothing here is meant to be composed so."""
    key, value = override.key_or_group, override.value()
    if isinstance(value, list) and (CONF / key).is_dir():
        choices = sorted(path.stem for path in (CONF / key).glob("*.yaml"))
        raise UserError(f"{key} must be {' or '.join(choices)}, got a list; several run one after the other: {key}=A,B")


def _expand_range(argument: str) -> str:
    match = _RANGE.fullmatch(argument)
    if match is None:
        return argument
    first, last = int(match["first"]), int(match["last"])
    if last < first:
        raise UserError(f"{match['key']}={first}..{last} is empty; write {match['key']}={last}..{first}")
    return f"{match['key']}={','.join(map(str, range(first, last + 1)))}"


def _named(arguments: list[str], name: str) -> list[str]:
    """The command's name among the overrides: what an option separates from the others is refused."""
    first = next((n for n, a in enumerate(arguments) if "=" in a and not a.startswith("-")), len(arguments))
    return [*arguments[:first], f"hydra.job.name={name}", *arguments[first:]]


def _as_list(argument: str, lists: Collection[str]) -> str:
    key, _, values = argument.partition("=")
    return f"{key}=[{values}]" if key in lists and "," in values and not values.startswith("[") else argument


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


def run(task: Callable[[DictConfig], None], name: str, sweeps: bool = False, lists: Collection[str] = ()) -> None:
    """Run `task` with the configuration `conf/NAME.yaml` and the command line's overrides, then exit.

    Args:
        task: Does the work of one composed configuration.
        name: The command, as in `python -m stroke_ctp.NAME`.
        sweeps: Whether ranges and comma lists make the call a multirun.
        lists: Keys that take several values at once.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors of composition come to us, who say them in a sentence
    try:
        launchers.register()
        sys.argv[1:] = _named(expand(sys.argv[1:], sweeps, lists), name)
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(partial(_job, task, name))()
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        sentence = _sentence(error, name)
        if sentence is None:
            raise
        sys.exit(f"{name}: {sentence}")


def _job(task: Callable[[DictConfig], None], name: str, config: DictConfig) -> None:
    """One run, here or in a process of its own."""
    try:
        task(config)
    except Exception as error:
        # SystemExit passes Hydra without its own report, ends a sweep at once, and crosses processes.
        sentence = _sentence(error, name)
        if sentence is None:
            raise
        raise SystemExit(f"{name}: {sentence}") from None


def _sentence(error: Exception, name: str) -> str | None:
    """The error as one sentence, or None if it is not the person's to mend."""
    if isinstance(error, HydraInstantiationException):
        cause = error.__cause__
        if isinstance(cause, ImportError):
            return f"{' '.join(str(cause).split())}; or choose another setting"
        if isinstance(cause, UserError):
            return str(cause)
        if cause is not None:
            target = re.search(r"'([^']+)'", str(error))
            return f"the settings of {target[1] if target else 'a part'} do not fit: {' '.join(str(cause).split())}"
        return None
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_DEFECTS:
        reason = str(error.strerror).lower()
        return f"{error.filename or 'a file'} cannot be used: {reason}; allow it, make room, or choose another place"
    if isinstance(error, TerminatedWorkerError):
        fewer = "hydra.launcher.n_jobs=1" if name == "train" else "jobs=1"
        return f"the system ended a process, mostly for want of memory; fewer of them need less: add {fewer}"
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is required: add {error.full_key}=…"
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    text = " ".join(str(error).split())
    unknown = re.match(r"Could not override '([^']+)'", text)
    if unknown:
        return f"there is no setting {unknown[1]!r}; `python -m stroke_ctp.{name} --help` lists the settings"
    if text.startswith("Error merging override") and error.__cause__:
        return f"{text}: {str(error.__cause__).splitlines()[0]}"
    return re.split(r"(?: Config search path| full_key| To append| See https://hydra)", text)[0]
