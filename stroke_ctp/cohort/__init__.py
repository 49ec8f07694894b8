"""Cohorts: manifest, inclusion, standard series, endpoint, folds, and the network's input."""
