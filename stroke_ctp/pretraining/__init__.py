"""Training of the perfusion network on simulated patients."""
