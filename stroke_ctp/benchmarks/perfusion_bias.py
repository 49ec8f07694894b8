"""`python -m stroke_ctp.benchmarks.perfusion_bias`: errors of CBF, CBV and Tmax at clinical sampling.

Single voxels behind an artery of the phantom's median shape, as two tables in Markdown for docs/perfusion-bias.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Float

from stroke_ctp.benchmarks.markdown import row
from stroke_ctp.hemodynamics.deconvolution import Deconvolution, Method
from stroke_ctp.hemodynamics.kinetics import per_100_ml, tissue_curve
from stroke_ctp.hemodynamics.tissue_perfusion import tissue_perfusion
from stroke_ctp.phantom.contrast_curves import STEP, Bolus, arterial_curve
from stroke_ctp.phantom.tissue import PUBLISHED, Compartment, Perfusion

MEDIAN_BOLUS = Bolus(onset=8.0, alpha=5.3, beta=2.1, peak=268.0, tail=0.21, venous_peak=148.0, venous_lag=6.0)
"""Medians of 93 curves measured in ISLES 2018, and of the phantom's true arterial peaks."""
NOISE_HU = 0.8
"""What smoothing by 3 mm leaves of a voxel's noise of 2.5 HU, as the simulated scanner correlates it [HU]."""
INTERVALS_S = (0.5, 1.0, 1.5, 2.0, 3.0)
DELAYS_S = (0.0, 6.0, 12.0)
DURATIONS_S = (30.0, 36.0, 42.0, 48.0, 60.0)
_VOXELS = 400
"""Per cell, each with noise of its own."""
_METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Sampling:
    """How a scan samples the curves."""

    interval: float
    """Between frames [s]."""
    duration: float
    """[s]"""
    noise: float
    """Standard deviation of a voxel's enhancement [HU]."""


@dataclass(frozen=True)
class Errors:
    """Of many voxels of one tissue."""

    cbf: Float[np.ndarray, " voxel"]
    """Over the true one [%]."""
    cbv: Float[np.ndarray, " voxel"]
    """Over the true one [%]."""
    tmax: Float[np.ndarray, " voxel"]
    """Behind the true delay [s]."""

    def text(self) -> str:
        """Mean of each, with its standard deviation if the voxels differ."""
        parts = [(self.cbf, "+.0f", ".0f"), (self.cbv, "+.0f", ".0f"), (self.tmax, "+.1f", ".1f")]
        noisy = len(self.cbf) > 1
        return " / ".join(f"{v.mean():{mean}}" + (f" ± {v.std():{sd}}" if noisy else "") for v, mean, sd in parts)


def measured_errors(tissues: Sequence[Perfusion], sampling: Sampling, method: Method) -> list[Errors]:
    """Errors of each tissue behind one artery.

    Args:
        tissues: Perfusion, per 100 g.
        sampling: Of artery and tissue; without noise one voxel of each.
        method: Of deconvolution, with its default regularization.
    """
    every = round(sampling.interval / STEP)
    frames = slice(0, round(sampling.duration / STEP), every)
    arterial = arterial_curve(MEDIAN_BOLUS)
    n_voxels = _VOXELS if sampling.noise else 1
    curves = [tissue_curve(arterial, STEP, tissue.cbf, tissue.mtt, tissue.delay)[frames] for tissue in tissues]
    random = np.random.default_rng(0)
    voxels = np.repeat(curves, n_voxels, axis=0)
    voxels += sampling.noise * random.standard_normal(voxels.shape)
    found = tissue_perfusion(
        voxels.astype(np.float32), arterial[frames], sampling.interval, Deconvolution(method), sampling.noise
    )
    return [
        Errors(
            cbf=100 * (found.cbf[part] / per_100_ml(tissue.cbf) - 1),
            cbv=100 * (found.cbv[part] / per_100_ml(tissue.cbv) - 1),
            tmax=found.lag[part] - np.float32(tissue.delay),
        )
        for number, tissue in enumerate(tissues)
        for part in [slice(number * n_voxels, (number + 1) * n_voxels)]
    ]


def table_of_methods() -> Iterator[str]:
    """White matter by method, interval, noise and delay; scans of 60 s."""
    yield row("method", "interval [s]", "noise [HU]", *(f"delay {delay:g} s" for delay in DELAYS_S))
    yield row(*["---"] * (3 + len(DELAYS_S)))
    white = PUBLISHED[Compartment.WHITE]
    tissues = [Perfusion(white.cbf, white.cbv, delay) for delay in DELAYS_S]
    for method in _METHODS:
        for interval in INTERVALS_S:
            for noise in (0.0, NOISE_HU):
                errors = measured_errors(tissues, Sampling(interval, 60.0, noise), method)
                yield row(method, f"{interval:g}", f"{noise:g}", *(error.text() for error in errors))


def table_of_durations() -> Iterator[str]:
    """All tissues by the duration of the scan; default method, 1.5 s, noise."""
    yield row("tissue", *(f"{duration:g} s" for duration in DURATIONS_S))
    yield row(*["---"] * (1 + len(DURATIONS_S)))
    samplings = [Sampling(1.5, duration, NOISE_HU) for duration in DURATIONS_S]
    columns = [measured_errors(list(PUBLISHED.values()), sampling, Deconvolution().method) for sampling in samplings]
    for tissue, *errors in zip(PUBLISHED, *columns, strict=True):
        yield row(tissue.name.lower().replace("_", " "), *(error.text() for error in errors))


if __name__ == "__main__":
    print("\n".join([*table_of_methods(), "", *table_of_durations()]))
