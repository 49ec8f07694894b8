"""Whether patients are simulated, as the column `origin` of manifests and cohorts says."""

ORIGIN = "origin"
"""The column; empty or absent: the patients are real."""
SIMULATED, CLINICAL = "simulated", "clinical"
ORIGINS = (CLINICAL, SIMULATED)
"""Its values."""

TRUE_CORE, TRUE_INFARCT = "simulated core at the time of the scan", "simulated final infarct"
"""The column `label_definition` of simulated patients: free of noise, and of the errors of an analysis."""
