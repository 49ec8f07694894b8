"""What a scan's end cuts off from tissue curves, from models that are fitted to what it shows.

Enhancement at any time depends on the arterial curve up to that time only. A model of tissue, the artery convolved with
a delayed exponential residue function, therefore fits a scan that ends early as well as a long one, whatever the artery
does afterwards. Two things follow from the models that fit a curve: the share of its area that the scan shows, which
corrects CBV; and its continuation, which belongs to the same continuation of the artery, so that the deconvolution of
both meets no end of the scan.

The baseline is the mean of few frames. Its noise is an offset of the whole curve, which adds more noise to its area
than all later frames do. Where there is noise, it is therefore fitted along with each model, from all frames, and
subtracted from the area.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32

from stroke_ctp.hemodynamics.kinetics import DENSITY, HAEMATOCRIT_RATIO, tissue_curve
from stroke_ctp.hemodynamics.time_grid import GRID_S

EXTENSION_S = 30.0
"""Continued beyond the scan's end [s]: twice the transit time of penumbra, after which little is left."""
_ARTERIAL_DECAY_S = 4.0
"""Time constant with which the artery is continued [s]. Any continuation is consistent; this one ends soon."""
_DELAYS_S = np.arange(-3.0, 16.0)
"""Behind the artery [s]: from tissue before the place where it was measured to the core's 12 s and a quarter."""
_TRANSIT_TIMES_S = np.geomspace(2.0, 22.0, 8)
"""From half of that of healthy grey matter, 3.7 s, to penumbra's, 13.6 s, and half as much again [s]. Finer steps of
delay or transit time change CBV by less than the noise."""
_LEAST_SEEN = 0.1
"""Least share of a model's area, so that what the scan barely shows is not multiplied without bound."""
_LEAST_LOG_WEIGHT = -30.0
"""Relative to the best model."""
_FITTED = 3
"""Parameters of a model beside the offset: amplitude, delay, transit time."""
_MISFIT_HU = 0.05
"""What the best model leaves of a curve without noise: 1 % of the peak of tissue, a few HU."""
_CHUNK = 2048
"""Voxels at a time, so that their models stay in the processor's cache."""


@dataclass(frozen=True)
class CompletedCurves:
    """Curves on the grid, continued beyond the end of the scan."""

    tissue: Float32[np.ndarray, "voxel time"]
    """Enhancement [HU]."""
    cbv: Float32[np.ndarray, " voxel"]
    """[mL/100 mL]"""
    seen: Float32[np.ndarray, " voxel"]
    """Share of the area under each curve that the scan shows; 1 where it shows all."""


@dataclass(frozen=True)
class TissueModels:
    """Tissues of all delays and transit times behind one artery, each with a CBV of 1 mL/100 mL."""

    measured: Float[np.ndarray, " frame"]
    """Arterial enhancement on the grid [HU]."""
    n_frames: int
    """Frames of the scan from which it was interpolated; samples between them are no evidence of their own."""
    noise_hu: float = 0.0
    """Standard deviation of a tissue curve's frames; 0 if free of noise [HU]."""

    @property
    def free_offset(self) -> float:
        """Share of a curve's mean residual that is its offset: 0 without noise, almost 1 where noise exceeds misfit.

        The offset has the variance of one frame before the fit.
        """
        of_mean = len(self.measured) * self.noise_hu**2
        return of_mean / (of_mean + self.noise_hu**2 + _MISFIT_HU**2)

    @cached_property
    def arterial(self) -> Float[np.ndarray, " time"]:
        """The artery on the grid, continued [HU]."""
        after = np.arange(GRID_S, EXTENSION_S + GRID_S / 2, GRID_S)
        last = max(float(self.measured[-1]), 0.0)
        return np.concatenate([self.measured, last * np.exp(-after / _ARTERIAL_DECAY_S)])

    @property
    def parameters(self) -> list[tuple[float, float]]:
        """Delay and transit time of each model [s]."""
        return [(float(delay), float(mtt)) for delay in _DELAYS_S for mtt in _TRANSIT_TIMES_S]

    @cached_property
    def curves(self) -> Float32[np.ndarray, "model time"]:
        """Enhancement of each model [HU]."""
        times = np.arange(self.arterial.size) * GRID_S
        curves = []
        for delay, mtt in self.parameters:
            earlier = np.interp(times - min(delay, 0.0), times, self.arterial)
            curves.append(tissue_curve(earlier, GRID_S, 60 / (mtt * DENSITY), mtt, max(delay, 0.0)))
        return np.array(curves, np.float32)

    @cached_property
    def seen(self) -> Float32[np.ndarray, " model"]:
        """Share of each model's area, as far as the artery is measured, that the scan shows."""
        area = self.curves[:, : len(self.measured)].sum(axis=1)
        return np.clip(100 * HAEMATOCRIT_RATIO * area / np.float32(self.measured.sum()), _LEAST_SEEN, None)

    def complete(self, tissue: Float32[np.ndarray, "voxel frame"]) -> CompletedCurves:
        """Continue curves on the grid [HU], each by the mean of all models, weighted by how well they fit."""
        n_measured = len(self.measured)
        completed = np.empty((len(tissue), len(self.arterial)), np.float32)
        completed[:, :n_measured] = tissue
        area, factor = np.empty((2, len(tissue)), np.float32)
        for start in range(0, len(tissue), _CHUNK):
            part = slice(start, start + _CHUNK)
            weight, amplitude = self._fit(tissue[part])
            fitted = (weight * amplitude) @ self.curves
            offset = (tissue[part] - fitted[:, :n_measured]).mean(axis=1)
            area[part] = tissue[part].sum(axis=1) - np.float32(self.free_offset) * n_measured * offset
            completed[part, n_measured:] = fitted[:, n_measured:]
            factor[part] = weight @ (1 / self.seen)
        area /= np.float32(self.measured.sum())
        return CompletedCurves(completed, 100 * HAEMATOCRIT_RATIO * np.maximum(area, 0) * factor, 1 / factor)

    def weights(self, curve: Float[np.ndarray, " frame"]) -> Float32[np.ndarray, " model"]:
        """Posterior probability of each model of one curve on the grid [HU]."""
        return self._fit(curve[None].astype(np.float32))[0][0]

    def _fit(
        self, tissue: Float32[np.ndarray, "voxel frame"]
    ) -> tuple[Float32[np.ndarray, "voxel model"], Float32[np.ndarray, "voxel model"]]:
        """Posterior probability of each model, all alike before, and its amplitude by least squares.

        Curves and models less a share of their means have white noise, as if there were no offset.
        """
        share = np.float32(1 - np.sqrt(1 - self.free_offset))
        models = self.curves[:, : tissue.shape[1]]
        models = models - share * models.mean(axis=1, keepdims=True)
        tissue = tissue - share * tissue.mean(axis=1, keepdims=True)
        energy = np.maximum((models**2).sum(axis=1), np.finfo(np.float32).tiny)
        product = np.maximum(tissue @ models.T, 0)
        amplitude = product / energy
        explained = product
        explained *= amplitude
        best = explained.max(axis=1, keepdims=True)
        total = np.einsum("vt,vt->v", tissue, tissue)[:, None]
        # The noise of a voxel is what its best model leaves; rounding, where that is nothing.
        noise = np.maximum(total - best, 1e-6 * total) / (tissue.shape[1] - _FITTED - self.free_offset)
        independent = min(1.0, self.n_frames / tissue.shape[1])
        explained -= best
        explained *= independent / (2 * np.maximum(noise, np.finfo(np.float32).tiny))
        # Denormal numbers, which are slow, stay out of the products.
        weight = np.exp(np.maximum(explained, _LEAST_LOG_WEIGHT, out=explained), out=explained)
        weight /= weight.sum(axis=1, keepdims=True)
        return weight, amplitude
