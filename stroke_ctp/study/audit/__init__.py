"""The leakage audit of a study: what its files say is computed again and compared."""
