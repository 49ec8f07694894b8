"""What is drawn each time that a training patient is used: noise, dose, length, calibration, side."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from einops import rearrange
from jaxtyping import Float32
from scipy.ndimage import gaussian_filter

from stroke_ctp.common.geometry import FRAME_INTERVAL_S, N_FRAMES
from stroke_ctp.model.trained_range import NOISE_HU, SHORTEST_S
from stroke_ctp.pretraining.acquisition import to_standard_times
from stroke_ctp.pretraining.rendering import RenderedSeries, TrainingSample

_SHORTEST = round(SHORTEST_S / FRAME_INTERVAL_S)
"""Last frame of the shortest scans."""
_Frames = Float32[np.ndarray, "level time height width"]
_Correlated = Callable[[_Frames], _Frames]


@dataclass(frozen=True)
class Degradation:
    """How one use of a patient is degraded."""

    noise: float
    """SD at standard pixels [HU]."""
    correlation: float
    """Of the noise in the plane: SD of its Gaussian [standard pixels]."""
    dose: float
    """Contrast, as a share of the usual dose."""
    offset: float
    """Calibration of the scanner [HU]."""
    last: int
    """Last standard frame that was acquired; it is held."""
    mirrored: bool

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Degradation":
        """Noise of 1 to 10 HU; a third of doses down to a quarter; nearly half of scans cut, from 25.5 s on."""
        return cls(
            noise=random.uniform(1.5, 4.5) if random.random() < 0.4 else random.uniform(*NOISE_HU),
            correlation=random.uniform(0.6, 1.2),
            dose=1.0 if random.random() < 0.65 else float(np.exp(random.uniform(np.log(0.25), np.log(1.25)))),
            offset=random.normal(0, 1.5),
            last=N_FRAMES - 1 if random.random() < 0.55 else int(random.integers(_SHORTEST, N_FRAMES - 1)),
            mirrored=bool(random.random() < 0.5),
        )

    def frames(
        self, sample: TrainingSample, random: np.random.Generator
    ) -> Float32[np.ndarray, "level time height width"]:
        """Frames of a patient, degraded but not mirrored [HU]."""
        return self._degraded(sample, random, self._correlated)

    def series(self, rendered: RenderedSeries, random: np.random.Generator) -> Float32[np.ndarray, "2 32 128 128"]:
        """The standard series of a patient, degraded but not mirrored [HU]: what any analysis of it sees."""
        return self._degraded(rendered, random, self._correlated_standard)

    def _degraded(
        self, patient: TrainingSample | RenderedSeries, random: np.random.Generator, correlated: _Correlated
    ) -> Float32[np.ndarray, "level time height width"]:
        """Frames with this dose, offset, noise and length; the noise is correlated as its pixels need."""
        frames = patient.frames.astype(np.float32)
        frames = frames[:, :1] + np.float32(self.dose) * (frames - frames[:, :1]) + np.float32(self.offset)
        levels, _, height, width = frames.shape
        white = random.standard_normal((levels, len(patient.times), height * width), dtype=np.float32)
        in_time = to_standard_times(patient.times) @ white
        frames = frames + correlated(rearrange(in_time, "l t (y x) -> l t y x", y=height))
        frames[:, self.last + 1 :] = frames[:, self.last, None]
        return frames

    def _correlated_standard(
        self, white: Float32[np.ndarray, "level time height width"]
    ) -> Float32[np.ndarray, "level time height width"]:
        """Correlated noise of standard pixels from white noise at them."""
        impulse = np.zeros((17, 17), np.float32)
        impulse[8, 8] = 1
        gain = np.sqrt((gaussian_filter(impulse, self.correlation) ** 2).sum())
        sigma = (0, 0, self.correlation, self.correlation)
        return gaussian_filter(white, sigma, mode="wrap") * np.float32(self.noise / gain)

    def _correlated(
        self, white: Float32[np.ndarray, "level time height width"]
    ) -> Float32[np.ndarray, "level time height width"]:
        """Correlated noise of standard pixels, averaged over 2 × 2 of them, from white noise at condensed pixels.

        A Gaussian of SD s correlates pixels n apart by exp(−n²/4s²). The mean of two neighbours then has the variance
        (1 + ρ₁)/2, and two such means are correlated by (ρ₁ + 2ρ₂ + ρ₃)/(2 + 2ρ₁). The kernel (w, 1, w) gives
        condensed neighbours that correlation, 2w/(1 + 2w²), in each direction.
        """
        rho = np.exp(-(np.arange(4) ** 2) / (4 * self.correlation**2))
        neighbour = (rho[1] + 2 * rho[2] + rho[3]) / (2 * (1 + rho[1]))
        w = (1 - np.sqrt(max(0.0, 1 - 2 * neighbour**2))) / (2 * neighbour)
        for axis in (2, 3):
            white = white + np.float32(w) * (np.roll(white, 1, axis) + np.roll(white, -1, axis))
        return white * np.float32(self.noise * (1 + rho[1]) / 2 / (1 + 2 * w**2))
