"""How training patients are scanned: protocols, boluses and what motion correction leaves, wider than any one centre.

`docs/pretraining.md` gives the source of each range, or says that it is an assumption.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stroke_ctp.common.geometry import N_FRAMES, STANDARD_TIMES
from stroke_ctp.model.trained_range import INTERVAL_S, LATEST_S, LEVELS_MM
from stroke_ctp.phantom.contrast_curves import Bolus

_LEVEL_DISTANCE_MM = 20.0
_OFF_MM = LEVELS_MM[0]
_LONGEST_GAP_S = 3.2


@dataclass(frozen=True)
class Acquisition:
    """What is fixed of a training patient's scan. Noise, dose and length are drawn anew each time that it is used."""

    times: Float[np.ndarray, " frame"]
    """Of the frames [s]."""
    levels_mm: tuple[float, float]
    """Where both slices lie above the basal ganglia level [mm]."""
    n_planes: int
    """Thickness of a slice in rendered planes."""
    offset_mm: tuple[float, float]
    """How far off the grid's centre the head is after centring, along y and x."""
    motion: Float[np.ndarray, "time 5"]
    """What motion correction leaves in each standard frame: shift along x, y and z, nodding [mm, at 70 mm from the
    centre], and mixing of neighbouring slices [share]."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Acquisition":
        """A protocol; in a quarter of patients the levels are off by up to 10 mm."""
        off = random.normal(0, 1.5) if random.random() < 0.75 else random.uniform(_OFF_MM, -_OFF_MM)
        return cls(
            times=draw_times(random),
            levels_mm=(off, off + _LEVEL_DISTANCE_MM + random.normal(0, 1.5)),
            n_planes=int(random.choice([2, 3, 4], p=[0.25, 0.15, 0.6])),
            offset_mm=(random.normal(0, 0.8), random.normal(0, 0.8)),
            motion=draw_residual_motion(random),
        )


def draw_times(random: np.random.Generator) -> Float[np.ndarray, " frame"]:
    """When frames are acquired [s]: evenly, irregularly, slower after the first pass, or in uneven pairs (shuttle).

    A few scans of uneven pairs end before the last standard time.
    """
    kind = random.choice(["even", "irregular", "slower", "shuttle"], p=[0.7, 0.1, 0.1, 0.1])
    interval = 1.5 if random.random() < 0.4 else random.uniform(*INTERVAL_S)
    gaps = np.full(int(STANDARD_TIMES[-1] / interval) + 4, interval)
    if kind == "irregular":
        gaps *= random.uniform(0.6, 1.4, gaps.size)
    elif kind == "slower":
        gaps[np.cumsum(gaps) > random.uniform(25, 40)] = random.uniform(2.0, 3.0)
    elif kind == "shuttle":
        skew = random.uniform(0.2, 0.8)
        gaps *= np.where(np.arange(gaps.size) % 2 == 0, 2 * skew, 2 * (1 - skew))
    times = np.concatenate([[0.0], np.cumsum(np.minimum(gaps, _LONGEST_GAP_S))])
    needed = int(np.searchsorted(times, STANDARD_TIMES[-1])) + 1
    return times[:needed]


def to_standard_times(times: Float[np.ndarray, " frame"]) -> Float[np.ndarray, "time frame"]:
    """Weights of the linear interpolation of frames to the standard times; the last frame is held."""
    columns = [np.interp(STANDARD_TIMES, times, unit) for unit in np.eye(len(times))]
    return np.stack(columns, axis=1).astype(np.float32)


def draw_residual_motion(random: np.random.Generator) -> Float[np.ndarray, "time 5"]:
    """Motion that is left after correction: none to some tenths of a mm in most patients, several mm in a tenth."""
    severity = random.choice([0.0, 0.15, 0.5, 2.0], p=[0.3, 0.4, 0.2, 0.1])
    scale = severity * np.array([0.3, 0.3, 0.6, 1.0, 0.0]) * random.uniform(0.3, 1.5, 5)
    jerks = np.cumsum(random.normal(0, 1 / np.sqrt(N_FRAMES), (N_FRAMES, 5)), axis=0)
    drift = np.linspace(0, 1, N_FRAMES)[:, None] ** random.uniform(0.7, 2.0, 5)
    motion = scale * (jerks - jerks[0] + drift * random.normal(0, 1, 5))
    motion[:, 4] = min(severity, 1.0) * random.uniform(0, 0.5) * drift[:, 4]
    return motion


def draw_wide_bolus(random: np.random.Generator) -> Bolus:
    """An arterial curve: the measured spread of `phantom.contrast_curves` half as wide again, early or late."""
    shape, scale = random.multivariate_normal([0, 0], [[1, -0.65], [-0.65, 1]]) * 1.5
    onset = random.normal(8.0, 3.0) if random.random() < 0.6 else random.uniform(1.0, LATEST_S)
    return Bolus(
        onset=max(onset, 1.0),
        alpha=float(np.clip(5.3 * np.exp(np.log(7.6 / 4.0) / 1.349 * shape), 1.2, 25)),
        beta=float(np.clip(2.1 * np.exp(np.log(2.8 / 1.7) / 1.349 * scale), 0.5, 6)),
        peak=float(np.exp(random.uniform(np.log(150), np.log(500)))),
        tail=float(random.uniform(0.05, 0.45)),
        venous_peak=148 * np.exp(np.log(215 / 118) / 1.349 * random.normal()),
        venous_lag=max(random.normal(6.0, 2.0), 2.0),
    )
