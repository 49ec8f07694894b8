"""A study on disk: its runs, their predictions, and the audit of both."""
