"""The feature bank: every frame of a cohort encoded once per augmentation draw, for all folds and ablations.

The trunk is frozen, so with fixed input standardization a frame's features depend on the frame and the
draw alone.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from stroke_ctp.files import digest, whole, write_json
from stroke_ctp.model.encoder import N_FEATURES, Encoder

CHUNK = 4
"""Patients encoded at a time: fixed, so that features do not depend on a machine's memory."""

Frames = Callable[[slice], Float[Tensor, "batch level time height width"]]


def encoding_precision(device: torch.device, survives_bfloat16: bool) -> torch.dtype:
    """The fastest precision that keeps the temporal contrast of the features on this device.

    bfloat16 keeps 8 bits: enough for enhancement, where the signal is the scale, and not for attenuation,
    where a rise of 2 HU disappears in it.

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


def banked(
    folder: Path,
    key: Mapping[str, Any],
    n_patients: int,
    draws: Sequence[Frames],
    encoder: Callable[[], Encoder],
    precision: torch.dtype,
    device: torch.device,
) -> Float[np.ndarray, "draw patient level time feature"]:
    """Features of every patient in some draws, encoded now unless they lie in the bank.

    Args:
        folder: From `bank_folder`.
        key: Everything that determines the features, kept beside them.
        n_patients: Of the cohort.
        draws: For each draw, a function from rows of the cohort to their frames, on the device.
        encoder: Makes the encoder; called only if something is to be encoded.
        precision: Of the trunk.
        device: Of the trunk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Jobs of one sweep need the same features: the first encodes, the others wait for it.
    with FileLock(folder / ".lock"):
        missing = [number for number in range(len(draws)) if not _path(folder, number).exists()]
        if missing:
            write_json(folder / "key.json", key)
            trunk = encoder().to(device).eval()
            trunk.trunk.to(precision)
            total = len(missing) * n_patients
            with tqdm(total=total, desc="encode", unit="patient", ncols=79, smoothing=0.05) as progress:
                for number in missing:
                    path = _path(folder, number)
                    _encode(path, n_patients, draws[number], trunk, precision, progress)
    features = np.stack([np.load(_path(folder, number)) for number in range(len(draws))])
    assert features.shape[1] == n_patients, f"{folder} belongs to another cohort"
    return features


def _path(folder: Path, number: int) -> Path:
    return folder / f"draw-{number:03d}.npy"


@torch.inference_mode()
def _encode(
    path: Path, n_patients: int, frames: Frames, encoder: Encoder, precision: torch.dtype, progress: tqdm
) -> None:
    """Encode one draw chunk by chunk into a file that an interrupted run leaves for the next to complete."""
    partial = path.with_suffix(".partial.npy")
    if not partial.exists():
        _write_blank(partial, (n_patients, 2, 32, N_FEATURES))
    features = np.load(partial, mmap_mode="r+")
    for start in range(0, n_patients, CHUNK):
        chunk = slice(start, min(start + CHUNK, n_patients))
        if np.isnan(features[chunk]).any():
            features[chunk] = encoder(frames(chunk).to(precision)).cpu().numpy()
        progress.update(chunk.stop - chunk.start)
    features.flush()
    partial.rename(path)


def _write_blank(path: Path, shape: tuple[int, ...]) -> None:
    """An array of NaN, which stand for what is not encoded yet."""
    with whole(path) as partial:
        blank = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        blank[:] = np.nan
        blank.flush()
