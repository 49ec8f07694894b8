"""Commands run in the process of the tests, which has everything loaded."""

import runpy
import sys

import pytest


def run_module(name: str, *arguments: object) -> None:
    """Run a command as `python -m` does, but in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        # The import hook checks types in what runpy compiles here: left on disk, a user's command would load that.
        patch.setattr(sys, "dont_write_bytecode", True)
        runpy.run_module(f"stroke_ctp.{name}", run_name="__main__", alter_sys=True)
