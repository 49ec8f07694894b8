"""Residue functions by deconvolution of tissue curves with the arterial curve (singular value decomposition).

Every method is linear once it is regularized, so each is one matrix from frames of tissue to lags of the residue
function, applied to all voxels at once. The discrete convolution takes the arterial curve as linear and the residue
function as constant between frames: the trapezoidal rule, which keeps the half step at the jump of the residue function
that the rectangular rule loses (Fieselmann et al., Int J Biomed Imaging 2011).
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, Float32
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.linalg import circulant, toeplitz

from stroke_ctp.common.schemas import STRICT

Method = Literal["oscillation", "circulant", "standard", "tikhonov"]
TRUNCATIONS: Float[np.ndarray, " truncation"] = np.geomspace(0.01, 0.9, 16)
"""Shares of the largest singular value that `oscillation` tries, rising by a third."""
LAGS_S = (-5.0, 30.0)
"""Lags behind the artery at which the maximum is looked for [s]. Tissue may be reached a little before the place where
the artery was measured; beyond, noise could put the maximum on the other side of the circle."""
PADDING_S = 16.0
"""Zeros between the end and the beginning of the circle, room for negative lags and for ringing [s]."""
_REFERENCE_LAGS = 64
"""The oscillation index is that of a circle of so many lags: a scan of 32 frames, padded to twice its length, as the
48 s at 1.5 s of the article. Where a longer scan adds lags at which a residue function is 0, the mean over its own lags
would fall, and noise be let through."""
_CHUNK = 2048
"""Voxels at a time, so that their residue functions stay in the processor's cache."""


@dataclass(frozen=True, config=STRICT)
class Deconvolution:
    """Regularization of residue functions.

    `oscillation` and `circulant` do not depend on the delay between artery and tissue (Wu et al., MRM 2003);
    `standard` does (Østergaard et al., MRM 1996). `tikhonov` is block-circulant, damped instead of truncated.
    """

    method: Method = "oscillation"
    """Singular value decomposition, and how it is regularized."""
    oscillation_index: Annotated[float, Field(gt=0, lt=1)] = 0.035
    """Largest oscillation of a residue function, by Wu et al., over the lags of 32 frames; for `oscillation`."""
    truncation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Singular values below this share of the largest are left out, or damped; for the other methods."""


def flow_and_tmax(
    tissue: Float32[np.ndarray, "voxel time"],
    arterial: Float[np.ndarray, " time"],
    step: float,
    deconvolution: Deconvolution,
) -> tuple[Float32[np.ndarray, " voxel"], Float32[np.ndarray, " voxel"]]:
    """Maximum of each voxel's residue function between `LAGS_S`, and its lag.

    A parabola through the highest value and its neighbours gives both between the samples.

    Args:
        tissue: Enhancement of tissue [HU].
        arterial: Enhancement of the artery at the same times [HU].
        step: Time between them [s].
        deconvolution: Regularization.

    Returns:
        Maximum of flow times residue [1/s], and its lag behind the artery [s]; tissue that is reached before the
        artery has a negative lag.
    """
    # Lags in the order of time: those before the artery lie at the end of the circle.
    n_before = 0 if deconvolution.method == "standard" else round(PADDING_S / step / 2)
    inverses = [
        np.roll(inverse, n_before, axis=0).astype(np.float32).T for inverse in _inverses(arterial, step, deconvolution)
    ]
    n_lags = inverses[0].shape[1]
    first, last = (n_before + round(lag / step) for lag in LAGS_S)
    shown = slice(max(first, 0), last + 1)
    limit = deconvolution.oscillation_index * _REFERENCE_LAGS / n_lags
    height = np.empty(len(tissue), np.float32)
    place = np.empty(len(tissue), np.float32)
    for start in range(0, len(tissue), _CHUNK):
        part = slice(start, start + _CHUNK)
        height[part], place[part] = _peaks(tissue[part], inverses, limit, shown)
    # A sample of the residue function is its mean over the step that begins there.
    return height, np.float32(step) * (place + np.float32(shown.start - n_before + 0.5))


def _peaks(
    tissue: Float32[np.ndarray, "voxel time"],
    inverses: Sequence[Float32[np.ndarray, "time lag"]],
    limit: float,
    shown: slice,
) -> tuple[Float32[np.ndarray, " voxel"], Float32[np.ndarray, " voxel"]]:
    """Height and place, among the shown lags, of the maximum of residue functions that oscillate little enough.

    The inverses come with the least regularized first; voxels that oscillate with all of them get the last.
    """
    height = np.empty(len(tissue), np.float32)
    place = np.empty(len(tissue), np.float32)
    todo = np.arange(len(tissue))
    for number, inverse in enumerate(inverses, start=1):
        residue = tissue @ inverse
        settled = (oscillation(residue) <= limit) | (number == len(inverses))
        height[todo[settled]], place[todo[settled]] = _maximum(residue[settled][:, shown])
        todo, tissue = todo[~settled], tissue[~settled]
    return height, place


def _maximum(
    curves: Float32[np.ndarray, "curve sample"],
) -> tuple[Float32[np.ndarray, " curve"], Float32[np.ndarray, " curve"]]:
    """Highest value and its place [sample], by the parabola through it and its neighbours; at an end as it is."""
    rows = np.arange(len(curves))
    top = curves.argmax(axis=1)
    inner = np.clip(top, 1, curves.shape[1] - 2)
    before, here, after = (curves[rows, inner + offset] for offset in (-1, 0, 1))
    bend = before - 2 * here + after
    peaked = (top == inner) & (bend < 0)
    shift = np.where(peaked, (before - after) / np.where(peaked, 2 * bend, 1), 0).astype(np.float32)
    return np.where(peaked, here - (before - after) * shift / 4, curves[rows, top]), (top + shift).astype(np.float32)


def oscillation(residue: Float[np.ndarray, "voxel lag"]) -> Float[np.ndarray, " voxel"]:
    """Oscillation index: mean absolute second difference over the maximum (Wu et al., MRM 2003)."""
    half_bend = residue[:, 2:] + residue[:, :-2]
    half_bend *= 0.5
    half_bend -= residue[:, 1:-1]
    highest = residue.max(axis=1)
    # A residue function that is nowhere positive is no flow; no truncation makes it one.
    return (
        2 * np.abs(half_bend, out=half_bend).sum(axis=1) / (residue.shape[1] * np.where(highest > 0, highest, np.inf))
    )


def circulant_inverse(
    arterial: Float[np.ndarray, " time"], step: float, n_lags: int, gain: Float[np.ndarray, " frequency"]
) -> Float[np.ndarray, "lag time"]:
    """Regularized inverse of the block-circulant convolution matrix; its last lags are negative ones.

    A circulant matrix is diagonal in the Fourier basis: its singular values are the moduli of the arterial curve's
    spectrum, and its inverse is circulant again. Zeros keep the ends of a curve apart.

    Args:
        arterial: Enhancement of the artery [HU].
        step: Time between frames [s].
        n_lags: Of the circle; at least the number of frames.
        gain: Of each frequency of `singular_values`: 1 keeps it, 0 leaves it out.
    """
    spectrum = _spectrum(arterial, step, n_lags)
    kept = gain > 0
    inverse = np.zeros_like(spectrum)
    inverse[kept] = gain[kept] / spectrum[kept]
    return circulant(np.fft.irfft(inverse, n_lags))[:, : len(arterial)]


def singular_values(arterial: Float[np.ndarray, " time"], step: float, n_lags: int) -> Float[np.ndarray, " frequency"]:
    """Of the block-circulant convolution matrix, by frequency; of an even circle all but the first and the last stand
    for a pair."""
    return np.abs(_spectrum(arterial, step, n_lags))


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
    n_lags = len(arterial) + round(PADDING_S / step)
    values = singular_values(arterial, step, n_lags)
    relative = values / values.max()
    if deconvolution.method == "circulant":
        yield circulant_inverse(arterial, step, n_lags, (relative > deconvolution.truncation).astype(float))
    elif deconvolution.method == "tikhonov":
        damping = relative**2 / (relative**2 + deconvolution.truncation**2)
        yield circulant_inverse(arterial, step, n_lags, damping)
    else:
        for truncation in TRUNCATIONS:
            yield circulant_inverse(arterial, step, n_lags, (relative > truncation).astype(float))


def _spectrum(arterial: Float[np.ndarray, " time"], step: float, n_lags: int) -> np.ndarray:
    return step * np.fft.rfft(_between_frames(arterial), n_lags)


def _between_frames(arterial: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Mean of the arterial curve between each frame and the one before, zero before the first."""
    return (arterial + np.concatenate([[0.0], arterial[:-1]])) / 2
