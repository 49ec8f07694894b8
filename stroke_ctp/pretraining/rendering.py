"""From a training patient to a standard series without noise, condensed, and its true maps.

The two slices alone are rendered, on the standard grid: a whole scan with its preprocessing takes fifty times as long.
What preprocessing does to a series is put back: the blur of resampling, interpolation in time, motion that is left.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from stroke_ctp.common.geometry import N_PIXELS, PIXEL_MM
from stroke_ctp.hemodynamics.kinetics import DENSITY, HAEMATOCRIT_RATIO, per_100_ml
from stroke_ctp.hemodynamics.regions import intracranial_mask
from stroke_ctp.model.condensed_series import pooled
from stroke_ctp.phantom.contrast_curves import STEP, arterial_curve, venous_curve
from stroke_ctp.phantom.scanner import PLANE_MM
from stroke_ctp.phantom.smooth_field import Grid
from stroke_ctp.phantom.tissue import Compartment
from stroke_ctp.pretraining.acquisition import Acquisition, to_standard_times
from stroke_ctp.pretraining.findings import draw_streaks
from stroke_ctp.pretraining.training_patient import TissueMap, TrainingPatient

ROWS, COLUMNS = slice(4, 60), slice(8, 56)
"""Of the condensed grid; no simulated brain reaches beyond them, and the network sees nothing outside the brain."""
_NEIGHBOUR_MM = 10.0
"""Distance of the planes below and above a slice from which motion brings attenuation."""
_BLUR_PIXELS = 0.63
"""The scanner's point spread (0.48 pixels) and linear interpolation at a random phase (0.41)."""
_TRANSIT_TIMES = np.geomspace(1.0, 30.0, 64)
"""At which tissue curves are tabulated [s]."""
_ARTEFACT_HU = 300.0

Image = Float[np.ndarray, "128 128"]


@dataclass(frozen=True)
class TrainingSample:
    """A patient before noise, condensed and cut to `ROWS` and `COLUMNS`, and what is true of it."""

    frames: Float[np.ndarray, "level time height width"]
    """Mean attenuation of the brain within a pixel [HU]."""
    inside: Float[np.ndarray, "level height width"]
    """Share of a pixel that is brain."""
    truth: Float[np.ndarray, "level 5 height width"]
    """Share of a pixel that is hypoperfused, that is core; CBV [mL/100 mL], CBF [mL/100 mL/min], delay [s]."""
    tissue: Float[np.ndarray, "level height width"]
    """Share of a pixel that is grey or white matter."""
    times: Float[np.ndarray, " frame"]
    """Of the frames as acquired, for the noise [s]."""


@dataclass(frozen=True)
class RenderedSeries:
    """A patient's standard series before noise, with everything in it that is no brain, and what is true of it."""

    frames: Float[np.ndarray, "level time 128 128"]
    """[HU]"""
    brain: Bool[np.ndarray, "level 128 128"]
    """The inside of the skull."""
    truth: Float[np.ndarray, "level 5 height width"]
    """As of `TrainingSample`."""
    tissue: Float[np.ndarray, "level height width"]
    """As of `TrainingSample`."""
    times: Float[np.ndarray, " frame"]
    """Of the frames as acquired [s]."""

    def condensed(self) -> TrainingSample:
        """What the network is trained on."""
        inside = _condensed(self.brain)
        frames = _condensed(self.frames * self.brain[:, None]) / np.maximum(inside, 1e-3)[:, None]
        return TrainingSample(frames, inside, self.truth, self.tissue, self.times)


def draw_sample(random: np.random.Generator) -> TrainingSample:
    """A random patient, scanned by a random protocol, condensed."""
    return draw_series(random).condensed()


def draw_series(random: np.random.Generator) -> RenderedSeries:
    """A random patient, scanned by a random protocol."""
    patient, acquisition = TrainingPatient.draw(random), Acquisition.draw(random)
    axis = (np.arange(N_PIXELS) - (N_PIXELS - 1) / 2) * PIXEL_MM
    (shift_x, shift_y), (off_y, off_x) = patient.anatomy.shift, acquisition.offset_mm
    levels = []
    for level_mm in acquisition.levels_mm:
        planes = level_mm + (np.arange(acquisition.n_planes) - (acquisition.n_planes - 1) / 2) * PLANE_MM
        neighbours = level_mm + np.array([-_NEIGHBOUR_MM, _NEIGHBOUR_MM])
        grid = Grid(z=np.concatenate([planes, neighbours]), y=axis + shift_y + off_y, x=axis + shift_x + off_x)
        levels.append(_level(patient, acquisition, grid, draw_streaks(random, grid.y, grid.x)))
    frames, brain, truth, tissue = (np.stack(parts) for parts in zip(*levels, strict=True))
    return RenderedSeries(frames, brain, truth, tissue, acquisition.times)


def _level(
    patient: TrainingPatient, acquisition: Acquisition, grid: Grid, streaks: Float[np.ndarray, "y x"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frames, brain, true maps and share of tissue of one level; the fields of a series."""
    held, n = patient.on(grid), acquisition.n_planes
    rest, below, above = (
        gaussian_filter(plane, _BLUR_PIXELS)
        for plane in (held.baseline[:n].mean(axis=0), held.baseline[n], held.baseline[n + 1])
    )
    enhanced = _enhancement(patient, acquisition, held)
    in_time = np.tensordot(to_standard_times(acquisition.times), enhanced, 1)
    still = gaussian_filter(in_time, (0, _BLUR_PIXELS, _BLUR_PIXELS))
    frames = rest + streaks + still + _residual_motion(rest, below, above, acquisition.motion, grid)
    brain = intracranial_mask((rest + streaks)[None], (PIXEL_MM, PIXEL_MM))[0]
    truth, tissue = _truth(held, n)
    return frames, brain, truth, tissue


def _truth(
    held: TissueMap, n_planes: int
) -> tuple[Float32[np.ndarray, "5 height width"], Float32[np.ndarray, "height width"]]:
    """True maps, averaged over planes and pixels (quantities over the tissue alone), and share of tissue."""
    tissue = held.tissue[:n_planes]
    quantities = (per_100_ml(1.0) * held.cbv, per_100_ml(60.0) * held.cbv / held.mtt, held.delay)
    images = [held.hypoperfused[:n_planes], held.core[:n_planes], *(q[:n_planes] * tissue for q in quantities)]
    share, *maps = (_condensed(image.mean(axis=0)) for image in (tissue, *images))
    maps[2:] = [total / np.maximum(share, 1e-3) for total in maps[2:]]
    return np.stack(maps), share


def _enhancement(
    patient: TrainingPatient, acquisition: Acquisition, held: TissueMap
) -> Float32[np.ndarray, "frame 128 128"]:
    """Mean enhancement over the planes of a slice at the times of acquisition [HU]."""
    arterial, venous = arterial_curve(patient.bolus), venous_curve(patient.bolus)
    table = _curves_by_transit_time(arterial)
    frame = np.round(acquisition.times / STEP).astype(np.int32)
    late = np.maximum(frame - round(float(patient.grey.delay[1]) / STEP), 0)
    vessels = {
        Compartment.ARTERY: arterial[frame],
        Compartment.COLLATERAL_ARTERY: arterial[late],
        Compartment.VEIN: venous[frame],
    }
    enhanced = np.zeros((N_PIXELS * N_PIXELS, frame.size), np.float32)
    for k in range(acquisition.n_planes):
        places = np.flatnonzero(held.cbv[k])
        cbv, mtt, delay = (values[k].ravel()[places] for values in (held.cbv, held.mtt, held.delay))
        row = np.round(np.interp(np.log(mtt), np.log(_TRANSIT_TIMES), np.arange(_TRANSIT_TIMES.size))).astype(np.int32)
        column = np.maximum(frame - np.round(delay / STEP).astype(np.int32)[:, None], 0)
        flow = (DENSITY / HAEMATOCRIT_RATIO * 60 * cbv / _TRANSIT_TIMES[row] / 6000).astype(np.float32)
        enhanced[places] += flow[:, None] * table[row[:, None], column]
        for vessel, curve in vessels.items():
            enhanced[(held.label[k] == vessel).ravel()] += curve
    return np.ascontiguousarray(enhanced.T).reshape(-1, N_PIXELS, N_PIXELS) / np.float32(acquisition.n_planes)


def _curves_by_transit_time(arterial: Float[np.ndarray, " time"]) -> Float32[np.ndarray, "transit time"]:
    """The arterial curve convolved with each exponential residue function (`hemodynamics.kinetics`) [HU s]."""
    decays = np.exp(-STEP / _TRANSIT_TIMES)
    curves = [lfilter([mtt * (1 - d)], [1, -d], arterial) for mtt, d in zip(_TRANSIT_TIMES, decays, strict=True)]
    return np.stack(curves).astype(np.float32)


def _residual_motion(
    rest: Image, below: Image, above: Image, motion: Float[np.ndarray, "time 5"], grid: Grid
) -> Float32[np.ndarray, "time 128 128"]:
    """To first order, what motion adds to each frame of an unenhanced slice [HU]."""
    dy, dx = np.gradient(rest, PIXEL_MM)
    dz, mixed = (above - below) / (2 * _NEIGHBOUR_MM), (above + below) / 2 - rest
    nodding = dz * (grid.y / 70)[:, None]
    parts = np.clip(np.stack([dx, dy, dz, nodding, mixed]), -_ARTEFACT_HU, _ARTEFACT_HU)
    return np.tensordot(motion, parts, 1).astype(np.float32)


def _condensed(image: np.ndarray) -> Float32[np.ndarray, "*batch _ _"]:
    """Mean of 2 × 2 pixels, cut to where brains are."""
    return pooled(torch.from_numpy(image.astype(np.float32)))[..., ROWS, COLUMNS].numpy()
