"""Tracer kinetics of CT perfusion."""
