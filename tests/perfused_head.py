"""A head with tissue, ventricles, arteries and a sinus whose curves are known."""

import numpy as np
from boluses import gamma_variate

from stroke_ctp.hemodynamics.kinetics import tissue_curve

STEP = 0.1
PIXEL_MM = (1.5, 1.5)
SIZE = 136
ROWS, COLUMNS = (np.indices((SIZE, SIZE)) - (SIZE - 1) / 2) * PIXEL_MM[0]
"""Place of each pixel behind and left of the centre [mm]."""
ARTERIES = ((-40.0, -4.0), (-40.0, 4.0), (-5.0, 45.0), (-5.0, -45.0))
"""Row and column [mm]; the last lies beyond the occlusion, on the right."""
SINUS = (70.0, 0.0)
CORE = (0.0, -35.0)
CORE_MM, PENUMBRA_MM = 20.0, 29.0


def disc(place, radius, rows=ROWS, columns=COLUMNS):
    return np.hypot(rows - place[0], columns - place[1]) < radius


def head(angle_deg=0.0, start=8.0, n_frames=32, interval=1.5, noise=2.5, dose=1.0, occluded=True, seed=0):
    """Three slices of a head [HU], `[time, slice, height, width]`, and its times [s]."""
    angle = np.deg2rad(angle_deg)
    rows = np.cos(angle) * ROWS - np.sin(angle) * COLUMNS
    columns = np.cos(angle) * COLUMNS + np.sin(angle) * ROWS
    times = np.arange(n_frames) * interval
    fine = np.arange(0, times[-1] + 20, STEP)
    artery = dose * gamma_variate(fine, start, peak=300.0)

    def at(curve, delay=0.0):
        return np.interp(times - delay, fine, curve, left=0)

    def tissue(cbf, cbv, delay):
        return at(tissue_curve(artery, STEP, cbf, 60 * cbv / cbf, delay))

    def place(where, radius):
        return disc(where, radius, rows, columns)

    radius = np.hypot(rows / 82, columns / 68)
    baseline = np.full((SIZE, SIZE), -1000.0)
    baseline[radius < 1.15], baseline[radius < 1.08], baseline[radius < 1] = 20, 1000, 33
    brain, sinus = radius < 1, place(SINUS, 5)
    ventricle = (np.abs(columns) < 8) & (np.abs(rows) < 20)
    baseline[ventricle] = 12
    rise = np.where(brain & ~ventricle, 1, 0) * tissue(38.0, 2.6, 0.5)[:, None, None]
    if occluded:
        rise[:, place(CORE, PENUMBRA_MM)] = tissue(12.0, 2.2, 5.0)[:, None]
        rise[:, place(CORE, CORE_MM)] = tissue(3.0, 0.5, 8.0)[:, None]
    for number, where in enumerate(ARTERIES):
        rise[:, place(where, 2.5)] = at(artery, 5.0 if occluded and number == 3 else 0.0)[:, None]
    rise[:, sinus] = at(artery, 6.0)[:, None]
    random = np.random.default_rng(seed)
    frames = (baseline + rise)[:, None] + noise * random.standard_normal((n_frames, 3, SIZE, SIZE))
    return frames.astype(np.float32), times
