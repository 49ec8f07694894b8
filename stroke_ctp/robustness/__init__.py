"""How trained models hold up on simulated patients whose scans are degraded."""
