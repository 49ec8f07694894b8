"""Predictions → statistics, tables and figures."""
