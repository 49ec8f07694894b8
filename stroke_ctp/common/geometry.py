"""The standard geometry: what all series of all cohorts have in common."""

import numpy as np

LEVELS = ("basal_ganglia", "supraganglionic")
"""The two ASPECTS levels, in the order of a series' first axis."""
N_FRAMES = 32
FRAME_INTERVAL_S = 1.5
STANDARD_TIMES = np.arange(N_FRAMES) * FRAME_INTERVAL_S
"""0, 1.5, …, 46.5 [s]."""
N_PIXELS = 128
"""Rows, and columns, of a frame."""
FIELD_OF_VIEW_MM = 200.0
PIXEL_MM = FIELD_OF_VIEW_MM / N_PIXELS
SERIES_SHAPE = (len(LEVELS), N_FRAMES, N_PIXELS, N_PIXELS)
"""Level, time, height, width of a standard series."""

AIR_HU = -1000.0
BASELINE_S = 6.0
"""Frames acquired before this time count as pre-contrast [s]: in three quarters of the ISLES 2018 patients contrast
arrives at 6 s or later."""
N_BASELINE = round(BASELINE_S / FRAME_INTERVAL_S)
"""Pre-contrast frames of a standard series."""
