"""Commands run in the process of the tests, which has everything loaded."""

import runpy
import sys
from typing import TypeVar

import pytest
from hydra import compose, initialize_config_dir

from stroke_ctp.config.command_line import typed
from stroke_ctp.config.composition import CONF, register

Settings = TypeVar("Settings")


def run_module(name: str, *arguments: object) -> None:
    """Run a command as `python -m` does, but in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        # The import hook checks types in what runpy compiles here: left on disk, a user's command would load that.
        patch.setattr(sys, "dont_write_bytecode", True)
        runpy.run_module(f"stroke_ctp.{name}", run_name="__main__", alter_sys=True)


def refused(name: str, *arguments: object) -> str:
    """The sentence that a command ends with."""
    with pytest.raises(SystemExit) as stopped:
        run_module(name, *arguments)
    assert stopped.value.code not in (0, None)
    sentence = str(stopped.value.code)
    assert "\n" not in sentence
    return sentence


def settings_of(name: str, schema: type[Settings], *overrides: str) -> Settings:
    """Settings that a command gets from its command line."""
    register(name, schema)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(schema, compose(name, list(overrides)))
