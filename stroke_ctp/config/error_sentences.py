"""Errors as one sentence: what the user can mend, as opposed to a defect of this package."""

import errno
import traceback
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, OverrideParseException
from joblib.externals.loky.process_executor import TerminatedWorkerError
from omegaconf.errors import OmegaConfBaseException

from stroke_ctp.common.errors import UserError, is_out_of_memory, is_refused_by_file_system
from stroke_ctp.common.schemas import fields
from stroke_ctp.model.settings import TrainSettings

_GONE = (errno.ENOENT, errno.ESTALE)


def sentence_of(error: Exception, schema: type) -> str | None:
    """The error as one sentence, or None if it is a defect of the package.

    Args:
        error: As it was raised.
        schema: Class of the command's settings.
    """
    fewer = _fewer_at_a_time(error, schema)
    if isinstance(error, UserError):
        return str(error)
    if is_out_of_memory(error):
        way_out = f"free some, raise its limit, or retry with {fewer}" if fewer else "free some, or raise its limit"
        return f"memory is exhausted ({_first_line(error)}); {way_out}"
    if isinstance(error, OSError):
        return _sentence_of_file_system(error)
    if isinstance(error, TerminatedWorkerError):
        return f"a worker process was killed, probably out of memory; {f'retry with {fewer}' if fewer else 'free some'}"
    if isinstance(error, OverrideParseException):
        way_out = "write KEY=VALUE, and KEY='VALUE' where VALUE has special characters"
        return f"{error.override} cannot be read; {way_out}"
    if isinstance(error, HydraException | OmegaConfBaseException):
        lines = [str(one).strip().splitlines()[0] for one in (error, error.__cause__) if one is not None and str(one)]
        return ": ".join(line.rstrip(".") for line in lines)
    return None


def _fewer_at_a_time(error: Exception, schema: type) -> str | None:
    """The setting by which a command takes less memory, where it has one."""
    if "jobs" in fields(schema):
        return "jobs=1"
    launched = HydraConfig.initialized() and HydraConfig.get().runtime.choices.get("hydra/launcher") == "parallel"
    swept = schema is TrainSettings and (launched or isinstance(error, TerminatedWorkerError))
    return "hydra.launcher.n_jobs=1" if swept else None


def described_unexpected(error: Exception) -> str:
    """A defect of the package in a few words: class, place and first line."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {_first_line(error)}"


def _sentence_of_file_system(error: OSError) -> str | None:
    reason = str(error.strerror).lower()
    if error.errno in _GONE and error.filename:
        way_out = "it was removed while the command worked, or never there: put it back, or repeat the command"
        return f"{error.filename} cannot be found: {reason}; {way_out}"
    if is_refused_by_file_system(error):
        return f"{error.filename or 'a file'} cannot be used: {reason}; allow it, make room, or choose another place"
    return None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or "no message"
