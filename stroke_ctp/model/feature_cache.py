"""The feature cache: every frame of a cohort encoded once per augmentation draw, for all folds and ablations.

The backbone is frozen, so with fixed input standardization a frame's features depend on the frame and the draw alone.
A draw is encoded in parts of a few patients. Several processes, on one machine or on several that share the folder,
divide the parts among them. An interruption loses only the parts in work. A part or draw whose bytes are not those that
were written is encoded again.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from tqdm import tqdm

from stroke_ctp.common.arrays import is_intact, mapped_array, remove_sealed, write_sealed
from stroke_ctp.common.errors import UserError
from stroke_ctp.common.files import digest, file_digest, write_json
from stroke_ctp.common.geometry import SERIES_SHAPE
from stroke_ctp.common.locks import exclusive_lock
from stroke_ctp.common.records import read_json
from stroke_ctp.model.feature_standardization import N_FEATURES

CHUNK = 4
"""Patients encoded at a time. It is fixed, so that features do not depend on a machine's memory."""

_PARTS_IN_WORK = {"cuda": 3}
"""Parts in work at a time, where it is not one: while a GPU encodes, series are read and features written."""

_WAY_OUT = "remove it and run the command again"

Frames = Callable[[slice], Float[Tensor, "batch level time height width"]]
"""From rows of a cohort to their frames in one draw, on the encoder's device."""
Encode = Callable[[Float[Tensor, "batch level time height width"]], Float[Tensor, "batch level time feature"]]
"""From frames, in the precision of the backbone, to features."""
Draws = list[Float32[np.ndarray, "patient level time feature"]]
"""Features of every patient, one array per draw. The first draw is not augmented."""


def encoding_precision(device: torch.device, survives_bfloat16: bool) -> torch.dtype:
    """The fastest precision that keeps the temporal contrast of the features on this device.

    bfloat16 keeps 8 bits: enough for enhancement, where the signal is the scale, and not for attenuation,
    where a rise of 2 HU disappears in it. The table gives the relative change of the
    features' time courses when every convolution's operands are rounded (one embedded patient, default weights):

    ========== =========== ======= ===========
    bits       enhancement window  attenuation
    ========== =========== ======= ===========
    8          0.8 %       1.2 %   3.9 %
    11 (TF32)  0.1 %       0.1 %   0.5 %
    ========== =========== ======= ===========

    So float32 may use TF32 convolutions, PyTorch's default on CUDA.

    Args:
        device: Where the backbone runs.
        survives_bfloat16: Whether the input keeps its contrast in 8 bits.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:
        processor: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # not in every release
        native = bool(processor.get("avx512_bf16") or processor.get("amx_bf16"))
    return torch.bfloat16 if survives_bfloat16 and native else torch.float32


@dataclass(frozen=True)
class _Part:
    """Some patients of a draw."""

    draw: int
    rows: slice
    path: Path
    lock: Path
    """Stays when the parts have become one file: another process may be about to acquire it."""


class FeatureCache:
    """The features of one cohort, made in one way: the only reader and writer of their folder.

    The folder `ROOT/DIGEST` holds `key.json` (everything that determines the features) and, for each draw,
    `draw-NNN.npy` with its digest `draw-NNN.sha256`.
    """

    def __init__(self, root: Path, key: Mapping[str, Any], n_patients: int) -> None:
        """Name a cache; nothing is read or written yet.

        Args:
            root: Folder of all caches.
            key: Everything that determines the features, as plain values.
            n_patients: Size of the cohort.
        """
        self.key, self.n_patients = dict(key), n_patients
        self.folder = root / digest(self.key)

    @property
    def name(self) -> str:
        """Digest of the key, which a run records."""
        return self.folder.name

    def features(
        self, draws: Sequence[Frames], encoder: Callable[[], Encode], precision: torch.dtype, device: torch.device
    ) -> Draws:
        """Features of every patient in the first draws, mapped from disk; missing and damaged ones are encoded first.

        Args:
            draws: Frames of each draw.
            encoder: Makes the encoder; called only if something is to be encoded.
            precision: Of the backbone.
            device: Of the backbone.

        Raises:
            UserError: A file of the cache is damaged.
        """
        missing = [number for number in range(len(draws)) if not self._is_usable(number)]
        if missing or self._recorded_key(self.folder) != self.key:
            write_json(self._key_path(self.folder), self.key)
        if missing:
            parts = [part for number in missing for part in self._parts(number)]
            self._encode(parts, draws, encoder(), precision, _PARTS_IN_WORK.get(device.type, 1))
            for number in missing:
                self._assemble(number)
        for number in range(len(draws)):  # also leftovers of killed processes
            shutil.rmtree(self._path(number).with_suffix(""), ignore_errors=True)
        return [self.read(number) for number in range(len(draws))]

    def read(self, number: int) -> Float32[np.ndarray, "patient level time feature"]:
        """One draw, mapped from disk.

        Raises:
            UserError: The draw is not in the cache, or its file is damaged.
        """
        return mapped_array(self._path(number), self._shape(self.n_patients), np.float32, _WAY_OUT, mode="c")

    def holds(self, n_draws: int) -> bool:
        """Whether the first draws are there, so that none would be encoded."""
        return all(self._path(number).exists() for number in range(n_draws))

    def sha256(self, number: int) -> str:
        """SHA-256 of the file of one draw."""
        return file_digest(self._path(number))

    @classmethod
    def recorded(cls, root: Path, name: str, n_patients: int) -> "FeatureCache | None":
        """The cache that a run recorded; None if its key or its first draw is no longer there as it was written."""
        found = cls(root, cls._recorded_key(root / name), n_patients)
        return found if found.name == name and is_intact(found._path(0)) else None

    @staticmethod
    def _key_path(folder: Path) -> Path:
        return folder / "key.json"

    @classmethod
    def _recorded_key(cls, folder: Path) -> dict[str, Any]:
        """The key in a folder; empty without one, or with a damaged one."""
        try:
            return read_json(cls._key_path(folder))
        except UserError:
            return {}

    @staticmethod
    def _shape(n_patients: int) -> tuple[int, ...]:
        return (n_patients, *SERIES_SHAPE[:2], N_FEATURES)

    def _path(self, number: int) -> Path:
        return self.folder / f"draw-{number:03d}.npy"

    def _is_usable(self, number: int) -> bool:
        """Whether a draw is there as it was written; one that is damaged is removed."""
        path = self._path(number)
        if is_intact(path):
            return True
        if path.exists():
            with self._draws_lock():
                if is_intact(path):  # another process has encoded it again in the meantime
                    return True
                print(f"{path} is damaged: it is encoded again")
                remove_sealed(path)
        return False

    def _draws_lock(self) -> AbstractContextManager[bool]:
        """Keep other processes from writing or removing whole draws."""
        return exclusive_lock(self.folder / ".locks" / "draws", wait=True)

    def _parts(self, number: int) -> Iterator[_Part]:
        for start in range(0, self.n_patients, CHUNK):
            rows = slice(start, min(start + CHUNK, self.n_patients))
            path = self._path(number).with_suffix("") / f"{start:06d}.npy"
            yield _Part(number, rows, path, self.folder / ".locks" / f"{number:03d}-{start:06d}")

    def _encode(
        self, parts: Sequence[_Part], draws: Sequence[Frames], encode: Encode, precision: torch.dtype, at_a_time: int
    ) -> None:
        """Encode all parts: first those that no other process works on, then wait for the others."""

        @torch.inference_mode()
        def encoded(part: _Part, wait: bool) -> bool:
            """Whether the part is there now; without waiting, another process may be working on it."""
            with exclusive_lock(part.lock, wait) as mine:
                if mine and not is_intact(part.path) and not self._path(part.draw).exists():
                    features = encode(draws[part.draw](part.rows).to(precision)).cpu().numpy()
                    write_sealed(part.path, features.shape, [features], np.float32)
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

    def _assemble(self, number: int) -> None:
        """Put the parts of a draw into one file."""
        path = self._path(number)
        with self._draws_lock():  # another process may have encoded with us
            if not path.exists():
                parts = (
                    mapped_array(part.path, self._shape(part.rows.stop - part.rows.start), np.float32, _WAY_OUT)
                    for part in self._parts(number)
                )
                write_sealed(path, self._shape(self.n_patients), parts, np.float32)


def _each(function: Callable[[_Part], bool], parts: Sequence[_Part], at_a_time: int) -> Iterator[bool]:
    """Results in the order of the parts, of which some are in work at a time."""
    if at_a_time == 1:
        yield from map(function, parts)  # in this thread, where Ctrl-C is effective at once
        return
    pool = ThreadPoolExecutor(at_a_time)
    try:
        yield from pool.map(function, parts)
    finally:
        pool.shutdown(cancel_futures=True)
