"""What every command shares: typed settings from the command line, and errors as one sentence."""

import errno
import os
import sys
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, TypeVar, get_origin

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from joblib.externals.loky.process_executor import TerminatedWorkerError
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stroke_ctp.common.errors import UserError
from stroke_ctp.common.schemas import fields, parts, validated
from stroke_ctp.config import composition, launchers, overrides
from stroke_ctp.config.help import help_page

Settings = TypeVar("Settings")

_NO_DEFECTS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC),
    *(errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG),
)
"""What a file system refuses to any program."""


def run(task: Callable[[Settings], None], schema: type[Settings], name: str, sweeps: bool = False) -> None:
    """Run a command with the settings of the command line, then exit.

    Args:
        task: Does the work of one run.
        schema: Class of its settings.
        name: The command, as in `python -m stroke_ctp.NAME`.
        sweeps: Whether ranges and comma lists make the call a multirun.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors of composition come to us, who turn them into a sentence
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(help_page(name, schema, sweeps))
        sys.exit()
    try:
        composition.register(name, schema)
        launchers.register()
        lists = [key for key, field in fields(schema).items() if get_origin(field.annotation) is tuple]
        arguments = overrides.expand(sys.argv[1:], sweeps, lists)
        overrides.check(arguments, name, schema)
        sys.argv[1:] = _named(arguments, name)
        job = partial(_job, task, schema, name)
        hydra.main(version_base="1.3", config_path=str(composition.CONF), config_name=name)(job)()
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        sentence = _sentence(error, name)
        if sentence is None:
            raise
        sys.exit(f"{name}: {sentence}")


def runs_to_come() -> int | None:
    """How many runs of this sweep follow the present one; None where they run beside it, each in its own process."""
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN:
        return 0
    if hydra_config.runtime.choices["hydra/launcher"] != "basic":
        return None
    return max(0, prod(len(values) for values in overrides.swept(sys.argv[1:]).values()) - 1 - hydra_config.job.num)


def typed(schema: type[Settings], config: DictConfig) -> Settings:
    """Settings of a composed configuration.

    Raises:
        UserError: One is missing or breaks its rule.
    """
    missing = OmegaConf.missing_keys(config)
    for key in [key for key in fields(schema) if key in missing]:
        raise UserError(f"{key} is required: add {key}=…")
    return validated(schema, _plain(config))


def _job(task: Callable[[Settings], None], schema: type[Settings], name: str, config: DictConfig) -> None:
    """One run, here or in a process of its own."""
    try:
        settings = typed(schema, config)
        _check_runs_to_come(schema, config)
        task(settings)
    except Exception as error:
        # SystemExit passes Hydra without its own report, ends a sweep at once, and crosses processes.
        sentence = _sentence(error, name)
        if sentence is None:
            raise
        raise SystemExit(f"{name}: {sentence}") from None


def _check_runs_to_come(schema: type, config: DictConfig) -> None:
    """Hours may pass before a later run of the sweep reads its settings.

    Jobs of a cluster do not know the command that they belong to.
    """
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN or hydra_config.runtime.choices["hydra/launcher"] == "slurm":
        return
    for key, values in overrides.swept(sys.argv[1:]).items():
        single = key in fields(schema) and not parts(fields(schema)[key])
        for value in values if single else []:
            validated(schema, _plain(config) | {key: value})


def _plain(config: DictConfig) -> dict[str, Any]:
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _named(arguments: list[str], name: str) -> list[str]:
    """The command's name among the overrides: what an option separates from the others is refused."""
    first = next((n for n, a in enumerate(arguments) if "=" in a and not a.startswith("-")), len(arguments))
    return [*arguments[:first], f"hydra.job.name={name}", *arguments[first:]]


def _sentence(error: Exception, name: str) -> str | None:
    """The error as one sentence, or None if it is a defect of the package."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_DEFECTS:
        reason = str(error.strerror).lower()
        return f"{error.filename or 'a file'} cannot be used: {reason}; allow it, make room, or choose another place"
    if isinstance(error, TerminatedWorkerError):
        fewer = "hydra.launcher.n_jobs=1" if name == "train" else "jobs=1"
        return f"a worker process was killed, probably out of memory; retry with {fewer}"
    if isinstance(error, OverrideParseException):
        way_out = "write KEY=VALUE, and KEY='VALUE' where VALUE has special characters"
        return f"{error.override} cannot be read; {way_out}"
    if isinstance(error, HydraException | OmegaConfBaseException):
        lines = [str(one).strip().splitlines()[0] for one in (error, error.__cause__) if one is not None and str(one)]
        return ": ".join(line.rstrip(".") for line in lines)
    return None
