"""What every command shares: typed settings from the command line, and errors as one sentence."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, TypeVar, get_origin

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from stroke_ctp.common.errors import UserError, is_out_of_memory
from stroke_ctp.common.interruption import Interrupted, interruptible
from stroke_ctp.common.schemas import fields, parts, validated
from stroke_ctp.common.terminal import lasting_streams
from stroke_ctp.config import composition, launchers, overrides
from stroke_ctp.config.error_sentences import described_unexpected, sentence_of
from stroke_ctp.config.failed_runs import FAILED_RUNS, FailedRun
from stroke_ctp.config.help import help_page

Settings = TypeVar("Settings")


def run(task: Callable[[Settings], None], schema: type[Settings], name: str, sweeps: bool = False) -> None:
    """Run a command with the settings of the command line, then exit.

    Args:
        task: Does the work of one run.
        schema: Class of its settings.
        name: The command, as in `python -m stroke_ctp.NAME`.
        sweeps: Whether ranges and comma lists make the call a multirun.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors of composition come to us, who turn them into a sentence
    with interruptible(), lasting_streams():
        try:
            _run(task, schema, name, sweeps)
            print(end="", flush=True)  # here, where a full disk is told
        except KeyboardInterrupt as end:
            end = end if isinstance(end, Interrupted) else Interrupted(signal.SIGINT)
            print(f"\n{name}: {end.sentence}", file=sys.stderr)
            sys.exit(end.status)
        except Exception as error:
            sentence = sentence_of(error, schema)
            if sentence is None:
                raise
            sys.exit(f"{name}: {sentence}")


def _run(task: Callable[[Settings], None], schema: type[Settings], name: str, sweeps: bool) -> None:
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(help_page(name, schema, sweeps))
        return
    composition.register(name, schema)
    launchers.register()
    lists = [key for key, field in fields(schema).items() if get_origin(field.annotation) is tuple]
    arguments = overrides.expand(sys.argv[1:], sweeps, lists)
    overrides.check(arguments, name, schema)
    if not sweeps:
        overrides.refuse_several_values(arguments)
    sys.argv[1:] = _named(arguments, name)
    job = partial(_job, task, schema, name)
    hydra.main(version_base="1.3", config_path=str(composition.CONF), config_name=name)(job)()
    failures = FAILED_RUNS.take(_n_runs())
    if failures:
        raise UserError(failures)


def runs_to_come() -> int | None:
    """How many runs of this sweep follow the present one; None where they run beside it, each in its own process."""
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN:
        return 0
    if hydra_config.runtime.choices["hydra/launcher"] != "basic":
        return None
    return max(0, _n_runs() - 1 - hydra_config.job.num)


def _n_runs() -> int:
    return prod(len(values) for values in overrides.swept(sys.argv[1:]).values())


def typed(schema: type[Settings], config: DictConfig) -> Settings:
    """Settings of a composed configuration.

    Raises:
        UserError: One is missing or breaks its rule.
    """
    missing = OmegaConf.missing_keys(config)
    for key in [key for key in fields(schema) if key in missing]:
        raise UserError(f"{key} is required: add {key}=…")
    return validated(schema, _plain(config))


def _job(task: Callable[[Settings], None], schema: type[Settings], name: str, config: DictConfig) -> FailedRun | None:
    """One run, here or in a process of its own; that of a sweep fails without the others."""
    try:
        settings = typed(schema, config)
        _check_runs_to_come(schema, config)
    except Exception as error:
        # SystemExit passes Hydra without its own report, ends a sweep at once, and crosses processes.
        raise _ended(error, schema, name) from None
    try:
        task(settings)
    except Exception as error:
        # PyTorch that found no memory to be loaded into cannot be loaded later: the other runs would fail as well.
        unloaded = is_out_of_memory(error) and "torch" not in sys.modules
        if unloaded or HydraConfig.get().mode != RunMode.MULTIRUN:
            raise _ended(error, schema, name) from None
        failed = _failed_run(error, schema)
        print(f"{name}: {failed}")
        FAILED_RUNS.add(failed)
        return failed
    return None


def _ended(error: Exception, schema: type, name: str) -> BaseException:
    """The end of a command with a sentence; a defect of the package stays as it is."""
    sentence = sentence_of(error, schema)
    return error if sentence is None else SystemExit(f"{name}: {sentence}")


def _failed_run(error: Exception, schema: type) -> FailedRun:
    reason = sentence_of(error, schema)
    if reason is None:
        traceback.print_exception(error)
        reason = described_unexpected(error)
    return FailedRun(overrides.distinguishing(HydraConfig.get().overrides.task, sys.argv[1:]), reason)


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
