"""Statistics of predictions: arrays in, dataclasses out."""
