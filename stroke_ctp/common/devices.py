"""Which cores and GPUs each of several processes computes with."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import joblib
import torch
from filelock import FileLock, Timeout


def device_of(accelerator: str) -> torch.device:
    """The device that Lightning uses for an accelerator."""
    cuda = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    return torch.device("cuda" if cuda else "cpu")


def gpus(accelerator: str) -> list[str]:
    """GPUs that processes can be given, by their names in CUDA_VISIBLE_DEVICES; none if trainings use none.

    Args:
        accelerator: Name of the hardware, as in `TrainerSettings.accelerator`.
    """
    if accelerator not in ("auto", "gpu", "cuda"):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(torch.cuda.device_count()))))
    return [name.strip() for name in visible.split(",") if name.strip()][: torch.cuda.device_count()]


def side_by_side(accelerator: str) -> int:
    """Trainings that this machine carries out at a time: one to a GPU where they use GPUs, else one to a core."""
    return len(gpus(accelerator)) or int(joblib.cpu_count())


def keep_gpu(names: Sequence[str], locks: Path) -> None:
    """Give this process one GPU for the rest of its life; called before it first uses CUDA.

    Processes that end give theirs back, however they end: the lock is the operating system's.

    Args:
        names: One for every process that can run at a time; a shared GPU is listed several times.
        locks: Folder that these processes share.
    """
    if _kept:
        return
    for slot, name in enumerate(names):
        lock = FileLock(locks / str(slot))
        with suppress(Timeout):
            lock.acquire(blocking=False)
            _kept.append(lock)
            os.environ["CUDA_VISIBLE_DEVICES"] = name
            return
    raise RuntimeError(f"more than {len(names)} processes")


_kept: list[FileLock] = []
