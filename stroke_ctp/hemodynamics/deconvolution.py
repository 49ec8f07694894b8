"""Residue functions by deconvolution of tissue curves with the arterial curve (singular value decomposition).

Every method is linear once it is regularized, so each is one matrix from frames of tissue to lags of the residue
function, applied to all voxels at once. The discrete convolution takes the arterial curve as linear and the residue
function as constant between frames: the trapezoidal rule, which keeps the half step at the jump of the residue function
that the rectangular rule loses (Fieselmann et al., Int J Biomed Imaging 2011).
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, Float32, Int
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.linalg import circulant, toeplitz

from stroke_ctp.common.schemas import STRICT

TRUNCATIONS: Float[np.ndarray, " truncation"] = np.geomspace(0.01, 0.9, 16)
"""Shares of the largest singular value that `oscillation` tries, rising by a third."""
_CHUNK = 16384
"""Voxels at a time, so that residue functions need little memory."""


@dataclass(frozen=True, config=STRICT)
class Deconvolution:
    """Regularization of residue functions.

    `oscillation` and `circulant` do not depend on the delay between artery and tissue (Wu et al., MRM 2003);
    `standard` does (Østergaard et al., MRM 1996). `tikhonov` is block-circulant, damped instead of truncated.
    """

    method: Literal["oscillation", "circulant", "standard", "tikhonov"] = "oscillation"
    """Singular value decomposition, and how it is regularized."""
    oscillation_index: Annotated[float, Field(gt=0, lt=1)] = 0.035
    """Largest oscillation of a residue function, by Wu et al.; for `oscillation`."""
    truncation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Singular values below this share of the largest are left out, or damped; for the other methods."""


def flow_and_tmax(
    tissue: Float32[np.ndarray, "voxel time"],
    arterial: Float[np.ndarray, " time"],
    step: float,
    deconvolution: Deconvolution,
) -> tuple[Float32[np.ndarray, " voxel"], Float32[np.ndarray, " voxel"]]:
    """Maximum of each voxel's residue function, and its lag.

    Args:
        tissue: Enhancement of tissue [HU].
        arterial: Enhancement of the artery at the same times [HU].
        step: Time between frames [s].
        deconvolution: Regularization.

    Returns:
        Maximum of flow times residue [1/s], and its lag behind the artery [s]; tissue that is reached before the
        artery has a negative lag.
    """
    inverses = [inverse.astype(np.float32) for inverse in _inverses(arterial, step, deconvolution)]
    height = np.empty(len(tissue), np.float32)
    index = np.empty(len(tissue), np.int64)
    for start in range(0, len(tissue), _CHUNK):
        part = slice(start, start + _CHUNK)
        height[part], index[part] = _peaks(tissue[part], inverses, deconvolution.oscillation_index)
    # The second half of a circle of twice the frames lies before the artery.
    signed = np.where(index >= len(arterial), index - 2 * len(arterial), index)
    return height, (step * signed).astype(np.float32)


def _peaks(
    tissue: Float32[np.ndarray, "voxel time"], inverses: Sequence[Float32[np.ndarray, "lag time"]], limit: float
) -> tuple[Float32[np.ndarray, " voxel"], Int[np.ndarray, " voxel"]]:
    """Height and lag of residue functions, each by the first inverse that makes it oscillate little enough.

    The inverses come with the least regularized first; voxels that oscillate with all of them get the last.
    """
    height = np.empty(len(tissue), np.float32)
    index = np.empty(len(tissue), np.int64)
    todo = np.arange(len(tissue))
    for number, inverse in enumerate(inverses, start=1):
        residue = tissue @ inverse.T
        highest = residue.max(axis=1)
        settled = (oscillation(residue) <= limit) | (number == len(inverses))
        height[todo[settled]] = highest[settled]
        index[todo[settled]] = residue[settled].argmax(axis=1)
        todo, tissue = todo[~settled], tissue[~settled]
    return height, index


def oscillation(residue: Float[np.ndarray, "voxel lag"]) -> Float[np.ndarray, " voxel"]:
    """Oscillation index: mean absolute second difference over the maximum (Wu et al., MRM 2003)."""
    bend = residue[:, 2:] + residue[:, :-2]
    bend -= 2 * residue[:, 1:-1]
    highest = residue.max(axis=1)
    # A residue function that is nowhere positive is no flow; no truncation makes it one.
    return np.abs(bend, out=bend).sum(axis=1) / (residue.shape[1] * np.where(highest > 0, highest, np.inf))


def circulant_inverse(
    arterial: Float[np.ndarray, " time"], step: float, gain: Float[np.ndarray, " frequency"]
) -> Float[np.ndarray, "lag time"]:
    """Regularized inverse of the block-circulant convolution matrix; its lags beyond the frames are negative ones.

    A circulant matrix is diagonal in the Fourier basis: its singular values are the moduli of the arterial curve's
    spectrum, and its inverse is circulant again. Zeros up to twice the length keep the ends of a curve apart.

    Args:
        arterial: Enhancement of the artery [HU].
        step: Time between frames [s].
        gain: Of each frequency of `singular_values`: 1 keeps it, 0 leaves it out.
    """
    spectrum = _spectrum(arterial, step)
    kept = gain > 0
    inverse = np.zeros_like(spectrum)
    inverse[kept] = gain[kept] / spectrum[kept]
    return circulant(np.fft.irfft(inverse, 2 * len(arterial)))[:, : len(arterial)]


def singular_values(arterial: Float[np.ndarray, " time"], step: float) -> Float[np.ndarray, " frequency"]:
    """Of the block-circulant convolution matrix, by frequency; all but the first and the last stand for a pair."""
    return np.abs(_spectrum(arterial, step))


def standard_inverse(
    arterial: Float[np.ndarray, " time"], step: float, truncation: float
) -> Float[np.ndarray, "lag time"]:
    """Pseudoinverse of the causal convolution matrix without singular values below a share of the largest."""
    matrix = step * toeplitz(_between_frames(arterial), np.zeros(len(arterial)))
    return np.linalg.pinv(matrix, rcond=truncation)


def _inverses(
    arterial: Float[np.ndarray, " time"], step: float, deconvolution: Deconvolution
) -> Iterator[Float[np.ndarray, "lag time"]]:
    """The matrices from which each voxel takes the first that will do; one, where the truncation is given."""
    if deconvolution.method == "standard":
        yield standard_inverse(arterial, step, deconvolution.truncation)
        return
    values = singular_values(arterial, step)
    relative = values / values.max()
    if deconvolution.method == "circulant":
        yield circulant_inverse(arterial, step, (relative > deconvolution.truncation).astype(float))
    elif deconvolution.method == "tikhonov":
        damping = relative**2 / (relative**2 + deconvolution.truncation**2)
        yield circulant_inverse(arterial, step, damping)
    else:
        for truncation in TRUNCATIONS:
            yield circulant_inverse(arterial, step, (relative > truncation).astype(float))


def _spectrum(arterial: Float[np.ndarray, " time"], step: float) -> np.ndarray:
    return step * np.fft.rfft(_between_frames(arterial), 2 * len(arterial))


def _between_frames(arterial: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Mean of the arterial curve between each frame and the one before, zero before the first."""
    return (arterial + np.concatenate([[0.0], arterial[:-1]])) / 2
