"""Checkpoints of trainings, read back."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from stroke_ctp.common.errors import UserError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise UserError(f"{path} cannot be read ({reason}); remove its folder and train that fold again") from None
