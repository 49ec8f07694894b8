"""Classify acute stroke patients by ischemic core volume from raw, slice-reduced CT perfusion."""

__version__ = "0.1.0"
