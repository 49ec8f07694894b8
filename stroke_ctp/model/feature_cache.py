"""The feature bank: every frame of a cohort encoded once per augmentation draw, for all folds and ablations.

The trunk is frozen, so with fixed input standardization a frame's features depend on the frame and the draw alone.
A draw is encoded in parts of a few patients. Whoever needs it, on this machine or on another that shares the folder,
takes the parts at which nobody is yet; an interruption loses those in work.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from tqdm import tqdm

from stroke_ctp.common.files import at_work, digest, mapped_array, whole, write_array, write_json
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.model.encoder import Encoder
from stroke_ctp.model.feature_standardization import N_FEATURES

CHUNK = 4
"""Patients encoded at a time: fixed, so that features do not depend on a machine's memory."""

_AT_A_TIME = {"cuda": 3}
"""Parts in work, where that is not one: while a GPU encodes, series are read and features written."""

_WAY_OUT = "remove it and run again"

Frames = Callable[[slice], Float[Tensor, "batch level time height width"]]


def encoding_precision(device: torch.device, survives_bfloat16: bool) -> torch.dtype:
    """The fastest precision that keeps the temporal contrast of the features on this device.

    bfloat16 keeps 8 bits: enough for enhancement, where the signal is the scale, and not for attenuation,
    where a rise of 2 HU disappears in it. What rounding every convolution's operands changes of a feature's course
    about its mean over time, on an embedded patient with the default weights:

    ========== =========== ======= ===========
    bits       enhancement window  attenuation
    ========== =========== ======= ===========
    8          0.8 %       1.2 %   3.9 %
    11 (TF32)  0.1 %       0.1 %   0.5 %
    ========== =========== ======= ===========

    So float32 may be what PyTorch makes of it on CUDA: convolutions of TF32.

    Args:
        device: Where the trunk runs.
        survives_bfloat16: Whether the input keeps its contrast in 8 bits.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:
        processor: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # not in every release
        native = bool(processor.get("avx512_bf16") or processor.get("amx_bf16"))
    return torch.bfloat16 if survives_bfloat16 and native else torch.float32


def bank_folder(root: Path, key: Mapping[str, Any]) -> Path:
    """Where the features of everything that `key` holds lie: a name made of its hash."""
    return root / digest(key)


@dataclass(frozen=True)
class _Part:
    """Some patients of a draw."""

    draw: int
    rows: slice
    path: Path
    lock: Path
    """Stays when the parts have become one file: others may be about to ask for it."""


def banked(
    folder: Path,
    key: Mapping[str, Any],
    n_patients: int,
    draws: Sequence[Frames],
    encoder: Callable[[], Encoder],
    precision: torch.dtype,
    device: torch.device,
) -> list[Float32[np.ndarray, "patient level time feature"]]:
    """Features of every patient in some draws, mapped from disk; encoded now unless they lie in the bank.

    Args:
        folder: From `bank_folder`.
        key: Everything that determines the features, kept beside them.
        n_patients: Of the cohort.
        draws: For each draw, a function from rows of the cohort to their frames, on the device.
        encoder: Makes the encoder; called only if something is to be encoded.
        precision: Of the trunk.
        device: Of the trunk.

    Raises:
        UserError: A file of the bank is damaged.
    """
    missing = [number for number in range(len(draws)) if not _path(folder, number).exists()]
    if missing:
        write_json(folder / "key.json", key)
        parts = [part for number in missing for part in _parts(folder, number, n_patients)]
        made = encoder().to(device).eval()
        made.trunk.to(precision)
        _encode(folder, parts, draws, made, precision, _AT_A_TIME.get(device.type, 1))
        for number in missing:
            _assemble(folder, number, n_patients)
    for number in range(len(draws)):  # also of who was killed before
        shutil.rmtree(_path(folder, number).with_suffix(""), ignore_errors=True)
    return [mapped_array(_path(folder, number), _shape(n_patients), _WAY_OUT, mode="c") for number in range(len(draws))]


def _shape(n_patients: int) -> tuple[int, ...]:
    return (n_patients, *SERIES_SHAPE[:2], N_FEATURES)


def _path(folder: Path, number: int) -> Path:
    return folder / f"draw-{number:03d}.npy"


def _parts(folder: Path, number: int, n_patients: int) -> Iterator[_Part]:
    for start in range(0, n_patients, CHUNK):
        rows = slice(start, min(start + CHUNK, n_patients))
        path = _path(folder, number).with_suffix("") / f"{start:06d}.npy"
        yield _Part(number, rows, path, folder / ".locks" / f"{number:03d}-{start:06d}")


def _encode(
    folder: Path,
    parts: Sequence[_Part],
    draws: Sequence[Frames],
    encoder: Encoder,
    precision: torch.dtype,
    at_a_time: int,
) -> None:
    """Encode parts of draws until all are there: first those that nobody is at, then those that others have left."""

    @torch.inference_mode()
    def encoded(part: _Part, wait: bool) -> bool:
        """Whether the part is there now; without waiting, others may be at it."""
        with at_work(part.lock, wait) as mine:
            if mine and not part.path.exists() and not _path(folder, part.draw).exists():
                features = encoder(draws[part.draw](part.rows).to(precision)).cpu().numpy()
                with whole(part.path) as unfinished:
                    write_array(unfinished, features.shape, [features], np.float32)
        return mine

    n_patients = sum(part.rows.stop - part.rows.start for part in parts)
    with tqdm(total=n_patients, desc="encode", unit="patient", ncols=79, smoothing=0.05) as progress:
        for wait in (False, True):
            others = []
            for part, done in zip(parts, _each(partial(encoded, wait=wait), parts, at_a_time), strict=True):
                if done:
                    progress.update(part.rows.stop - part.rows.start)
                else:
                    others.append(part)
            parts = others


def _each(function: Callable[[_Part], bool], parts: Sequence[_Part], at_a_time: int) -> Iterator[bool]:
    """Results in the order of the parts, of which some are worked on at a time."""
    if at_a_time == 1:
        yield from map(function, parts)  # in this thread, where Ctrl-C reaches it at once
        return
    pool = ThreadPoolExecutor(at_a_time)
    try:
        yield from pool.map(function, parts)
    finally:
        pool.shutdown(cancel_futures=True)


def _assemble(folder: Path, number: int, n_patients: int) -> None:
    """Put the parts of a draw into one file."""
    path = _path(folder, number)
    with at_work(folder / ".locks" / "draws", wait=True):  # others may have encoded with us
        for left in folder.glob(".partial-*.npy"):  # by who was killed here
            left.unlink()
        if not path.exists():
            parts = (
                mapped_array(part.path, _shape(part.rows.stop - part.rows.start), _WAY_OUT)
                for part in _parts(folder, number, n_patients)
            )
            with whole(path) as partial:
                write_array(partial, _shape(n_patients), parts, np.float32)
