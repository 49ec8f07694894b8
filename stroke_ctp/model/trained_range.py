"""Scans for which the perfusion network is trained: `pretraining` draws within these, and doubts begin beyond them."""

NOISE_HU = (1.0, 10.0)
"""SD at standard pixels [HU]."""
INTERVAL_S = (0.5, 3.0)
"""Usual time between frames [s]."""
SHORTEST_S = 24.0
"""From the first to the last frame, at least [s]."""
LATEST_S = 22.0
"""Arrival of contrast in the arteries, at the latest [s]."""
LEVELS_MM = (-10.0, 30.0)
"""Where slices lie above the basal ganglia level [mm]."""
