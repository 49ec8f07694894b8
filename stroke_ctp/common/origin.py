"""Whether patients are simulated, as the column `origin` of manifests and cohorts says."""

ORIGIN = "origin"
"""The column; empty or absent: the patients are real."""
SIMULATED, CLINICAL = "simulated", "clinical"
ORIGINS = (CLINICAL, SIMULATED)
"""Its values."""
