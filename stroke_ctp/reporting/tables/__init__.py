"""The tables of a report: each formats results."""
